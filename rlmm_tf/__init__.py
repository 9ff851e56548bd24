"""Market making with reinforcement learning, on a calibrated C++ market simulator.

Importing this package loads neither TensorFlow nor the compiled engine; the sub-packages do when
they need to (`rlmm_tf.env` the engine, the learning agents TensorFlow).
"""

from __future__ import annotations

__version__ = "0.1.0"
