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
