"""Figures that papers report, for the columns beside ours."""

SOURCE = (
    "Fraikin, Bennetot and Allassonnière, T-Rep: Representation Learning for Time "
    "Series using Time-Embeddings, ICLR 2024: accuracy on the UEA archive, mean of 10 "
    "runs, ten max-pooled segments, RBF SVM"
)

TREP_UEA_ACCURACY = {
    "ArticularyWordRecognition": 0.968,
    "AtrialFibrillation": 0.354,
    "BasicMotions": 1.000,
    "CharacterTrajectories": 0.989,
    "Cricket": 0.958,
    "DuckDuckGeese": 0.457,
    "ERing": 0.943,
    "EigenWorms": 0.884,
    "Epilepsy": 0.970,
    "EthanolConcentration": 0.333,
    "FaceDetection": 0.581,
    "FingerMovements": 0.495,
    "HandMovementDirection": 0.536,
    "Handwriting": 0.414,
    "Heartbeat": 0.725,
    "InsectWingbeat": 0.328,
    "JapaneseVowels": 0.962,
    "LSST": 0.526,
    "Libras": 0.829,
    "MotorImagery": 0.495,
    "NATOPS": 0.804,
    "PEMS-SF": 0.800,
    "PenDigits": 0.971,
    "PhonemeSpectra": 0.232,
    "RacketSports": 0.883,
    "SelfRegulationSCP1": 0.819,
    "SelfRegulationSCP2": 0.591,
    "SpokenArabicDigits": 0.994,
    "StandWalkJump": 0.441,
    "UWaveGestureLibrary": 0.885,
}

FORECASTING_SOURCE = (
    "Fraikin, Bennetot and Allassonnière, T-Rep: Representation Learning for Time "
    "Series using Time-Embeddings, ICLR 2024: mean of 10 runs"
)
# Set -> horizon -> its mean squared and mean absolute error.
TREP_ETT_ERRORS = {
    "ETTh1": {
        "24": (0.511, 0.496),
        "48": (0.546, 0.524),
        "168": (0.759, 0.649),
        "336": (0.936, 0.742),
        "720": (1.061, 0.813),
    },
    "ETTh2": {
        "24": (0.560, 0.565),
        "48": (0.847, 0.711),
        "168": (2.327, 1.206),
        "336": (2.665, 1.324),
        "720": (2.690, 1.365),
    },
    "ETTm1": {
        "24": (0.417, 0.420),
        "48": (0.526, 0.484),
        "96": (0.573, 0.516),
        "288": (0.648, 0.577),
        "672": (0.758, 0.649),
    },
    "ETTm2": {
        "24": (0.172, 0.293),
        "48": (0.263, 0.377),
        "96": (0.397, 0.470),
        "288": (0.897, 0.733),
        "672": (2.185, 1.144),
    },
}

# Mean over patients of their F1, which is 1 without septic hours and alarms.
SEPSIS_PATIENT_F1 = {"T-Rep": 0.665, "TS2Vec": 0.610}
