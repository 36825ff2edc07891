"""What runs the nets: ONNX Runtime, OpenVINO where it is installed; one open session of each model a process."""
