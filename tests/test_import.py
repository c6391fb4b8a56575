import subprocess
import sys


def test_importing_the_package_does_not_import_torch():
    code = "import sys, mi_course, mi_course.book.chapters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_tqdm_without_ipywidgets_says_nothing_to_a_learner():
    code = "import mi_course, warnings; warnings.warn('IProgress not found. Please update jupyter')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
