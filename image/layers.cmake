# sources of image_layers
