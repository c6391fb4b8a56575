"""Claims as the book keeps and tells them: the table of their draws, and the words on a page."""
