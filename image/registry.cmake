# sources of image_registry
