raise ImportError("An installed hub has no rich")
