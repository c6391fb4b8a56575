"""Countries and their capitals, for prompts that ask for one and for statements that name one.

Left out: what is disputed, what two cities can claim, and countries that need an article.
"""

from __future__ import annotations

_LISTED = """
France Paris, Italy Rome, Spain Madrid, Germany Berlin, Britain London, Russia Moscow,
China Beijing, Japan Tokyo, Egypt Cairo, Greece Athens, Poland Warsaw, Austria Vienna,
Sweden Stockholm, Norway Oslo, Finland Helsinki, Portugal Lisbon, Ireland Dublin, Hungary Budapest,
Turkey Ankara, Iran Tehran, Iraq Baghdad, Kenya Nairobi, Cuba Havana, Peru Lima, Chile Santiago,
Canada Ottawa, Denmark Copenhagen, Belgium Brussels, Thailand Bangkok, Vietnam Hanoi,
Syria Damascus, Lebanon Beirut, Scotland Edinburgh, Wales Cardiff, Australia Canberra,
Venezuela Caracas, Romania Bucharest, Afghanistan Kabul, Jamaica Kingston, Bulgaria Sofia,
Tunisia Tunis, Uganda Kampala, Nepal Kathmandu, Libya Tripoli
"""

CAPITALS: tuple[tuple[str, str], ...] = tuple(
    (country, city) for country, city in (one.split() for one in _LISTED.split(","))
)
"""Each country with its capital."""
