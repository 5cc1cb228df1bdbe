"""The closed list of codes that say why a file is in the corpus, out of it, or in it with a remark.

The first letter of a code is its kind: ``S`` not selected (nothing is wrong with the file), ``E`` excluded
because the file or its content is at fault, ``R`` repaired and kept, ``F`` flagged and kept.
"""

from enum import StrEnum


class Code(StrEnum):
    """One code, with the sentence that a user reads."""

    sentence: str

    def __new__(cls, code: str, sentence: str = "") -> "Code":
        """Make a member whose value is ``code`` and whose explanation is ``sentence``."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    # Not selected.
    S_LAYOUT = "S_LAYOUT", "The path matches none of the source's layouts."
    S_LABEL = "S_LABEL", "The file is a label or a mask that belongs to an image."
    S_OTHER = "S_OTHER", "The layout holds files that are no part of the corpus."
    S_HIDDEN = (
        "S_HIDDEN",
        "The file is a hidden side file of the operating system, such as macOS's '._' files.",
    )
    S_FORMAT = "S_FORMAT", "The selection does not take this file format."
    S_DICOM = "S_DICOM", "The DICOM series is not taken: an image converted from it lies in the same folder."
    S_COHORT = "S_COHORT", "The file belongs to a part of the dataset that the selection leaves out."
    S_SPLIT = "S_SPLIT", "The case belongs to the held-out part of the published split."
    S_TASK_TEST = "S_TASK_TEST", "The case is held out to test a downstream task (exclude_tasks in the config)."
    S_NAMED = "S_NAMED", "The config names this volume to be left out (exclude_volumes)."
    S_WORD = "S_WORD", "A word in the name is on the selection's reject list, or none is on its accept list."
    S_UNKNOWN_SERIES = (
        "S_UNKNOWN_SERIES",
        "The series name says nothing known of its contrast; a person has to decide.",
    )
    S_LOCALIZER = "S_LOCALIZER", "The series name says localizer, scout or calibration scan."
    S_PHANTOM = "S_PHANTOM", "The series name says phantom."
    S_CONTRAST = "S_CONTRAST", "The selection does not take this kind of contrast."
    S_DERIVED = "S_DERIVED", "The series name says a derived map, not an acquired image."
    S_COPY = "S_COPY", "It is a processed or reformatted copy of an image of the same session that is kept."
    S_VOLUME_RULE = "S_VOLUME_RULE", "The selection's volume rule does not take an image like this."

    # Excluded: the file.
    E_UNREADABLE = "E_UNREADABLE", "The operating system does not let the file be read."
    E_CHANGED = "E_CHANGED", "The file changed or vanished while the corpus was being built; run again."
    E_EMPTY = "E_EMPTY", "The file has no bytes; download it again."
    E_NOT_IMAGE = (
        "E_NOT_IMAGE",
        "The content is text, such as a login or error page, not an image; download it again.",
    )
    E_CODEC = "E_CODEC", "The content is compressed or encrypted in a way that is not read here."
    E_FORMAT = "E_FORMAT", "The file format is not read here, or one file of a pair is missing."
    E_GZ_TRUNC = "E_GZ_TRUNC", "The gzip stream ends too early; download the file again."
    E_GZ_CRC = (
        "E_GZ_CRC",
        "The gzip stream is damaged: its checksum, length or tail is wrong; download the file again.",
    )
    E_BOMB = "E_BOMB", "The gzip stream inflates far beyond the size that the header declares."
    E_MAGIC = "E_MAGIC", "The header has no NIfTI, MGH or Analyze magic."

    # Excluded: the header.
    E_HEADER = "E_HEADER", "The header contradicts itself or holds impossible values."
    E_DIM_BOMB = (
        "E_DIM_BOMB",
        "The header declares far more voxels than the file or the memory limit can hold.",
    )
    E_SIZE = "E_SIZE", "The header declares another number of bytes than the file holds."
    E_OFFSET = "E_OFFSET", "The header's voxel offset points into the header or beyond the file."
    E_SPACING = "E_SPACING", "The header gives no usable voxel spacing."
    E_SPACING_RANGE = "E_SPACING_RANGE", "The voxel spacing or the field of view cannot be a head."
    E_SCALE = "E_SCALE", "The header's intensity scaling is not a finite, plausible number."
    E_INTENT = "E_INTENT", "The header declares a label, vector or statistic, not an image."
    E_DTYPE = "E_DTYPE", "The voxel type is not read here."
    E_RGB = "E_RGB", "The voxels are colours, not intensities."
    E_COMPLEX = "E_COMPLEX", "The voxels are complex numbers."
    E_XFORM = "E_XFORM", "Neither the sform nor the qform is a usable orientation."
    E_SHEAR = "E_SHEAR", "The affine is sheared by more than five degrees."
    E_2D = "E_2D", "The image is a single slice."
    E_THIN = "E_THIN", "The image has fewer slices than the selection asks."
    E_4D = "E_4D", "The image has several frames, and nothing says which of them is meant."

    # Excluded: the content.
    E_NAN = "E_NAN", "The image holds NaN or infinite voxels, too many or inside the head."
    E_ZERO = "E_ZERO", "All voxels are zero."
    E_CONST = "E_CONST", "All voxels, or all of the foreground, have one value."
    E_LABELMAP = "E_LABELMAP", "The voxels take so few whole values that this is a label map or a mask."
    E_DERIVED = "E_DERIVED", "The voxels lie between 0 and 1 like a probability map."

    # Excluded: DICOM.
    E_DCM_NONE = "E_DCM_NONE", "The DICOM series holds no voxels, or holds them in a form that dcm2niix does not read."
    E_DCM_PARTIAL = (
        "E_DCM_PARTIAL",
        "Slices of the DICOM series are missing, damaged or in conflict; download the series again.",
    )
    E_DCM_SPACING = (
        "E_DCM_SPACING",
        "The distance between the slices of the DICOM series varies, and dcm2niix could not make it even.",
    )
    E_DCM_CRASH = "E_DCM_CRASH", "The program dcm2niix failed, crashed or ran out of time on the DICOM series."

    # Excluded: a case of a task.
    E_IMAGE_MISSING = "E_IMAGE_MISSING", "The case lacks an image that the task asks for."
    E_LABEL_MISSING = "E_LABEL_MISSING", "The case has no label."
    E_SEVERAL_FILES = (
        "E_SEVERAL_FILES",
        "Several files of the case claim one place, and nothing says which of them is meant.",
    )
    E_LABEL_VALUES = "E_LABEL_VALUES", "The label holds values that the task does not know."
    E_LABEL_GRID = "E_LABEL_GRID", "The label does not lie on the grid of the case's first image."
    E_TEST_IMAGE = "E_TEST_IMAGE", "The case holds an image of a test case, so it may not be trained on."

    # Excluded: the same image again.
    E_DUP_FILE = "E_DUP_FILE", "The file has the same bytes as one that is kept."
    E_DUP_VOXEL = (
        "E_DUP_VOXEL",
        "The image has the same voxels as one that is kept, under another header or name.",
    )

    # Excluded: the machine.
    E_OOM = "E_OOM", "The image needs more memory than the job had."
    E_BUG = "E_BUG", "Reading this image failed in a way nobody foresaw; please report it with the detail."

    # Repaired and kept.
    R_EXT = "R_EXT", "The extension lied about compression; the content decided."
    R_GZ_TAIL = (
        "R_GZ_TAIL",
        "Padding behind the gzip stream was ignored; the voxels are complete and checked.",
    )
    R_OFFSET = "R_OFFSET", "The voxel offset was set to the value that the file size proves."
    R_PIXDIM = "R_PIXDIM", "The voxel spacing was repaired: taken from the sform, or freed of its sign."
    R_UNITS = "R_UNITS", "The spacing was converted to millimetres from the header's unit."
    R_SCALE = "R_SCALE", "An impossible intensity scaling was ignored; the stored values are plausible."
    R_EXT_DROP = "R_EXT_DROP", "Malformed header extensions were ignored."
    R_SFORM = "R_SFORM", "The sform was unusable; the qform was taken."
    R_NAN = "R_NAN", "A few NaN or infinite voxels at the border were set to the background."
    R_FRAME = "R_FRAME", "A trailing axis of length one was removed."
    R_DCM_COPIES = "R_DCM_COPIES", "Files of the DICOM series with the same bytes as another were ignored."
    R_DCM_EVEN = (
        "R_DCM_EVEN",
        "The distance between the DICOM slices varied; dcm2niix's image with even distances was taken.",
    )
    R_DCM_TILT = "R_DCM_TILT", "The DICOM slices were tilted against their axis; dcm2niix's corrected image was taken."

    # Flagged and kept.
    F_UNITS = "F_UNITS", "The header names no unit of length; millimetres were assumed."
    F_SCALE = "F_SCALE", "The intensity offset is far larger than the data's range."
    F_NO_XFORM = "F_NO_XFORM", "The header states no orientation; left and right cannot be told."
    F_XFORM_DISAGREE = "F_XFORM_DISAGREE", "The sform and the qform disagree; the sform was taken."
    F_SHEAR = "F_SHEAR", "The affine is slightly sheared."
    F_OBLIQUE = "F_OBLIQUE", "The slices are oblique by more than thirty degrees."
    F_PIXDIM = "F_PIXDIM", "The affine's spacing differs from the header's."
    F_NEGATIVE = "F_NEGATIVE", "Some voxels are negative."
    F_THIN = (
        "F_THIN",
        "The image has fewer than 15 voxels along an axis; the selection takes it all the same.",
    )
    F_UNIT_RANGE = "F_UNIT_RANGE", "The voxels lie between 0 and 1 like a probability map; the name says an image."
    F_HOT_VOXEL = "F_HOT_VOXEL", "A few voxels are far brighter than all others."
    F_DERIVED = "F_DERIVED", "The image is a derived map; the selection takes it all the same."
    F_SIDECAR = "F_SIDECAR", "The JSON file beside the image cannot be used; what the scanner was set to is not known."
    F_LABEL_FORM = (
        "F_LABEL_FORM",
        "Label and image agree by one of the two orientations that a header may state, and not by the other.",
    )
    F_PARTIAL_SPLIT = (
        "F_PARTIAL_SPLIT",
        "The published split could not be reproduced: not all of its cases were found.",
    )
    F_DCM_PARTS = "F_DCM_PARTS", "Phase, real, imaginary or overlay images of the DICOM series were left out."
    F_DCM_SEVERAL = "F_DCM_SEVERAL", "The DICOM series holds several images; each has a row of its own."
