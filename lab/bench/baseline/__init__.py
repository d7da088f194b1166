"""A stock Channels application, written the way Channels' tutorial teaches it: what the hub is compared with."""
