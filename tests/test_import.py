import subprocess
import sys


def test_importing_the_package_does_not_import_torch():
    code = "import sys, mi_course, mi_course.book.chapters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
