"""Numbers of the published study, computed outside this code."""

# label, target, mean, W, p: ../shared/statistics.md, recomputed there with scipy and R; sd (ddof 0) of "all".
PUBLISHED = [
    ("TP", "all", 0.1500, 1233.5, 0.010369663537),
    ("FP", "all", 0.0458333, 2822.5, 0.579309518549),
    ("TP", "Atelectasis", 0.225, 33, 0.111689),
    ("TP", "Cardiomegaly", 0.275, 16, 0.0045087),
    ("TP", "Effusion", -0.025, 23.5, 0.665771),
    ("TP", "Lung Opacity", 0.175, 13, 0.243590),
    ("TP", "Mass", 0.250, 32, 0.184138),
    ("TP", "Pneumothorax", 0.000, 108, 0.789268),
    ("FP", "Atelectasis", -0.025, 148, 0.952620),
    ("FP", "Cardiomegaly", 0.300, 17, 0.0026998),
    ("FP", "Effusion", 0.000, 88, 0.767254),
    ("FP", "Lung Opacity", 0.075, 22.5, 0.604369),
    ("FP", "Mass", -0.150, 124.5, 0.445806),
    ("FP", "Pneumothorax", 0.075, 63, 0.791652),
]
PUBLISHED_SD = {"TP": 0.9544, "FP": 1.0616}
PER_TARGET = [row for row in PUBLISHED if row[1] != "all"]
