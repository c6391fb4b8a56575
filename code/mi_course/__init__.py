"""Code of the course: load a model, look inside it, intervene, and check your own work.

Importing this package costs nothing: PyTorch is imported by the modules that compute.
"""

import warnings

from mi_course import renamed, torchvision_hook

__version__ = "0.1.0"

torchvision_hook.install()
renamed.install()
# tqdm's, where ipywidgets is missing: progress is then shown as text, and a learner's first cell
# would begin with a red box.
warnings.filterwarnings("ignore", message="IProgress not found")
