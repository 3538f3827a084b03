"""The queues from which workers take tasks; which of them a worker serves is said when it is started."""

#: What needs torch and gains from a GPU.
GPU = "gpu"
#: What needs torch and gains nothing from one.
CPU = "cpu"
#: What computes without torch.
REPORTS = "reports"
QUEUES = (GPU, CPU, REPORTS)
