// /images/… and /distribution/…
#pragma once

#include <functional>

#include "daemon/image_search.h"
#include "daemon/images.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

// `import` answers POST /images/create where it is to make an image of an archive.
void add_image_routes(Router& router, Images& images, ImageSearch& search,
                      std::function<void(Exchange&)> import);

}  // namespace ctr::daemon
