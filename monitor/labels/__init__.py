"""The `labels` stream: what people say of texts. Written and read here; learned from elsewhere."""
