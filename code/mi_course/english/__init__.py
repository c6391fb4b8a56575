"""The course's own English: its words, its grammar, and the text that `pocket` is trained on."""
