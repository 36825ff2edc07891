"""An OpenFX host: loads any image-effect plug-in, renders with it, and stands in for other hosts.

`profiles` says which host to be, `bundles` finds plug-ins, `effect` describes and runs them, `rendering` asks what a
host asks for a frame, `plates` turns plates into their images and back, `child` runs all of it in a process of its own.
The compiled part is `_host`, from ofx_bridge/host; its README tells more.
"""
