// All of `BookMarketOf`, for the files that make a market of it.
#pragma once

#include "market/book_market_messages.h"
#include "market/book_market_step.h"
#include "market/book_market_view.h"
