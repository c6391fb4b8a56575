"""The words of the course's own language: names, places, objects and the rest.

Every word here is one token with its leading space, in `pocket` and in GPT-2, so that a prompt has
as many tokens in one as in the other, and a name one position. The lists are plain English words
chosen by hand; `tests/english/test_corpus.py` checks each against GPT-2's vocabulary where that is
at hand.
"""

from __future__ import annotations

# ruff: noqa: SIM905  (lists of hundreds of words are read and edited more easily as text)

NAMES = tuple(
    """
    Mary John Tom James Dan Sid Martin Amy Anna Paul Lisa Mark Emma Jack Kate Lucy Sam Rose Max
    Ben Jane Adam Alice Luke Sarah Peter Laura Simon Julia David Helen Clara Henry Grace Frank
    Ruth Oscar Nina Leo Hugo Iris Michael William Robert Richard Thomas Charles Daniel Matthew
    Anthony Donald Steven Andrew Joshua Kevin Brian George Edward Ronald Timothy Jason Jeffrey
    Ryan Jacob Gary Nicholas Eric Jonathan Stephen Larry Justin Scott Brandon Benjamin Samuel
    Gregory Alexander Patrick Raymond Dennis Jerry Tyler Aaron Jose Nathan Douglas Kyle Noah
    Ethan Jeremy Walter Keith Roger Terry Sean Gerald Carl Harold Dylan Arthur Lawrence Jesse
    Bryan Billy Bruce Gabriel Joe Alan Juan Albert Willie Elijah Wayne Vincent Roy Ralph Bobby
    Russell Philip Eugene Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Karen Nancy
    Betty Margaret Sandra Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah
    Stephanie Rebecca Sharon Cynthia Kathleen Angela Brenda Pamela Nicole Samantha Katherine
    Christine Rachel Carolyn Janet Maria Catherine Heather Diane Olivia Julie Joyce Christina
    Joan Lauren Judith Megan Cheryl Martha Andrea Frances Hannah Ann Gloria Jean Teresa Sara
    Judy Beverly Denise Marilyn Danielle Theresa Sophia Marie Diana Natalie Charlotte Alexis Tim
    Jim Bob Mike Steve Dave Nick Chris Matt Greg Jeff Ken Ron Fred Ted Ned Phil Pete Andy Tony
    Danny Jimmy Tommy Johnny Charlie Harry Barry Kenny Ross Neil Ian Colin Graham Stuart Derek
    Craig Glenn Evan Owen Liam Connor Alex Felix Victor Oliver Theo Omar Ali Ahmed Hassan
    Ibrahim Carlos Luis Diego Pedro Miguel Pablo Jorge Marco Mario Antonio Roberto Giovanni Ivan
    Igor Boris Sergei Vladimir Anton Hans Klaus Stefan Otto Karl Erik Lars Sven Magnus Pierre
    Jacques Louis Marcel Andre Claude Chen Wei Ming Raj Anita Maya Elena Carmen Rosa Lucia Eva
    Nora Vera Natasha Heidi Claire Chloe Zoe Mia Lily Daisy Ruby Molly Polly Sally Wendy Penny
    Jenny Annie Katie Maggie Peggy Becky Ellie Ellen Esther Leah Naomi Erin Tara Dana Gina Tina
    Rita Stella Bella Audrey Jill Beth
    """.split()
)

PLACES = tuple(
    """
    shops park store school house garden station office beach market cafe library museum
    restaurant hospital zoo farm lake river forest church hotel airport theater cinema bakery
    gym pool bank castle bridge harbor village factory kitchen workshop fair stadium square
    tower island field barn port temple court dock mill studio club camp cave plaza mall clinic
    college bar pub palace fountain circus
    """.split()
)

OBJECTS = tuple(
    """
    bag ball drink apple book ring gift letter key cake flower hat computer bone snack
    basketball necklace coat cup map box coin lamp pen ticket watch phone camera guitar basket
    blanket sandwich cookie banana orange egg umbrella bottle toy card rope knife spoon plate
    towel shirt scarf glove shoe candle mirror bell drum violin brush stone shell stick rose
    note picture poster magazine newspaper bicycle chair clock hammer pencil photo pie pizza pot
    jacket sweater ribbon
    """.split()
)

PEOPLE = tuple(
    """
    teacher doctor farmer baker sailor neighbor friend clerk waiter guard driver soldier king
    queen boy girl man woman child student nurse judge painter singer writer hunter cook
    """.split()
)

ANIMALS = tuple(
    """
    dog cat horse bird fish cow sheep duck goat mouse rabbit fox wolf bear lion frog pig owl
    """.split()
)

ADJECTIVES = tuple(
    """
    red blue green old new small big long short warm cold quiet loud dark bright happy sad tired
    kind young tall heavy light clean dirty fresh sweet soft hard round empty full busy slow
    quick strong lovely little good great funny strange
    """.split()
)
