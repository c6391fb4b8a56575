"""The report on broken links: every one with its page, line and reason, and no other."""

import json

from mi_course.book.publish import broken_links

REFUSED = (
    "HTTPSConnectionPool(host='x.org', port=443): Max retries exceeded with url: /a (Caused by "
    'NewConnectionError("Failed to establish a new connection: [Errno 111] Connection refused"))'
)


def result(status, uri, info="", filename="book/a.md", lineno=3):
    found = {"filename": filename, "lineno": lineno, "status": status, "uri": uri, "info": info}
    return json.dumps(found | {"code": 0})


def test_each_broken_address_is_named_with_page_line_and_reason():
    lines = [
        result("timeout", "https://x.org/late", "Read timed out.", "book/b.md", 7),
        result("broken", "https://x.org/a", REFUSED, lineno=12),
        result("broken", "https://x.org/b", "404 Client Error: Not Found for url: https://x.org/b"),
        result("broken", "https://x.org/c#d", "Anchor 'd' not found", "book/c.md", 0),
    ]
    assert broken_links.report(lines) == (
        "4 addresses do not answer as expected:\n\n"
        "- book/a.md, line 3: https://x.org/b\n  404 Client Error: Not Found\n"
        "- book/a.md, line 12: https://x.org/a\n"
        '  no connection: NewConnectionError("Failed to establish a new connection: '
        '[Errno 111] Connection refused")\n'
        "- book/b.md, line 7: https://x.org/late\n  no answer in time: Read timed out.\n"
        "- book/c.md: https://x.org/c#d\n  Anchor 'd' not found\n"
    )


def test_what_is_not_broken_is_left_out():
    fine = ("working", "redirected", "ignored", "unchecked", "local")
    lines = [result(status, f"https://x.org/{status}") for status in fine]
    lines.append(result("broken", "https://x.org/gone", "410 Gone"))
    assert broken_links.report(lines) == (
        "1 address does not answer as expected:\n\n"
        "- book/a.md, line 3: https://x.org/gone\n  410 Gone\n"
    )


def test_a_check_that_failed_without_a_broken_link_says_so():
    assert "another reason" in broken_links.report([result("working", "https://x.org")])
