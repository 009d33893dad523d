"""Figure 2.2: depth view of the resized slides (section 2.2).

"[...] resize the images to 64x64x160 pixels [...] Secondly, the intensity
values were normalized to be between 0 and 1". Shows a synthetic knee or, with
--data, a volume of a folder of DICOM series or of a dataset file.
"""

import check_environment  # noqa: F401, says what to run

from kneerepro import commands

if __name__ == '__main__':
    commands.script('figure', '2.2')
