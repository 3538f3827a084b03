"""TorchXRayVision's networks, kept at arm's length: quiet import, checked weights, logits, ReLUs that can be hooked.

On import that package silences every warning of the process and changes `sys.path`; its loaders download without
asking and unpickle whole models; its forward passes resize silently and remap outputs. Only its layers are used here.
"""
