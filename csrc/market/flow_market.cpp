#include "market/book_market_all.h"

namespace rlmm {

template class BookModelOf<FlowSetting>;
template class BookMarketOf<FlowSetting>;

}  // namespace rlmm
