"""The site's scripts in node: those that need no page can be tested without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support.outside import not_run


def call(function: str, argument: Any, scripts: list[Path]) -> Any:
    """The value of a JavaScript function of one argument, after some scripts were loaded in order.

    What a script gives as `module.exports` is `loaded[i]`; `window` holds what others leave there.
    There is no document: a script that touches a page fails. Both ways as JSON.
    """
    node = shutil.which("node")
    if node is None:
        not_run("node is not on this machine: the site's scripts are tested in the browser only")
    code = f"""globalThis.window = globalThis;
const loaded = {json.dumps([str(path) for path in scripts])}.map((path) => require(path));
const argument = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(({function})(argument)) ?? "null");"""
    command = [str(node), "-e", code]
    result = subprocess.run(
        command, input=json.dumps(argument), capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
