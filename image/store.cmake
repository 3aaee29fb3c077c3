# sources of image_store
