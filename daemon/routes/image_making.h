// Images in and out of files, and of containers: save, load, commit, import, export, changes.
#pragma once

#include "daemon/commit.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

void add_image_making_routes(Router& router, ImageMaking making);
// POST /images/create with fromSrc: that route is in images.h, which pulls with it.
void import_image(Exchange& exchange, const ImageMaking& making);

}  // namespace ctr::daemon
