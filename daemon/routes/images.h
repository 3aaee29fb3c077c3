// /images/… and /distribution/…
#pragma once

#include "daemon/image_search.h"
#include "daemon/images.h"
#include "daemon/server/exchange.h"

namespace ctr::daemon {

void add_image_routes(Router& router, Images& images, ImageSearch& search);

}  // namespace ctr::daemon
