#include "venue/venue.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "events.h"

namespace rlmm {

std::unique_ptr<VenueBook> make_venue_book(const EnvParams& params, SeedKey key) {
  if (params.is_replay()) return make_tape_venue_book(params.replay());
  if (!params.is_book()) {
    throw std::invalid_argument("market.kind: expected book or replay, got analytic");
  }
  return make_flow_venue_book(params.book(), key);
}

Venue::Venue(std::unique_ptr<VenueBook> book) : book_(std::move(book)) { book_->record(&log_); }

// --- what becomes of orders ---------------------------------------------------------------------

void Venue::digest_trade(const BookEvent& row, std::uint64_t event, Taker* taker) {
  if ((row.flags & kFlagAgent) != 0) {
    const Name name = names_.at(row.order_id);
    Live& live = live_.at(name);
    live.lots -= row.lots;
    notes_.push_back({event, row.ts_ns, name.second, row.order_id, row.price_ticks, row.lots,
                      live.lots, name.first, NoteKind::kFilled, true});
    if (live.lots == 0) leave(name);
  }
  if (taker != nullptr) {
    taker->lots -= row.lots;
    notes_.push_back({event, row.ts_ns, taker->name.second, 0, row.price_ticks, row.lots,
                      taker->lots, taker->name.first, NoteKind::kFilled, false});
  }
}

// Reads the rows that have come: those of an incoming order, or of the others.
void Venue::digest(Taker* taker) {
  const std::vector<BookEvent>& rows = log_.events();
  for (; digested_ < rows.size(); ++digested_) {
    const BookEvent& row = rows[digested_];
    if (row.kind == EventKind::kTrade && (row.flags & kFlagHidden) == 0) {
      digest_trade(row, before_ + digested_ + 1, taker);
    }
  }
}

void Venue::leave(const Name& name) {
  const auto found = live_.find(name);
  names_.erase(found->second.arrival);
  live_.erase(found);
}

// --- requests -----------------------------------------------------------------------------------

Refusal Venue::refusal(Side side, Ticks price_ticks) const {
  if (book_->ended()) return Refusal::kEnded;
  if (book_->halted()) return Refusal::kHalted;
  const Side across = opposite(side);
  const OrderBook& book = book_->book();
  const Side known = book.has(across) ? across : side;
  if (!book.has(known)) return Refusal::kNone;
  const bool beyond = sign(side) * (price_ticks - book.best(known)) > book_->band_ticks();
  return beyond ? Refusal::kBand : Refusal::kNone;
}

void Venue::avoid_self_trade(Owner owner, const Terms& terms) {
  if (terms.time_in_force == TimeInForce::kPostOnly) return;
  const Side across = opposite(terms.side);
  std::vector<Name> met;
  for (auto it = live_.lower_bound({owner, 0}); it != live_.end() && it->first.first == owner;
       ++it) {
    const Order& order = book_->book().order(static_cast<Slot>(it->second.slot));
    const bool meets = sign(terms.side) * (terms.price_ticks - order.price_ticks) >= 0;
    if (order.side == across && meets) met.push_back(it->first);
  }
  for (const Name& name : met) {
    const Live live = live_.at(name);
    const Ticks price = book_->book().order(static_cast<Slot>(live.slot)).price_ticks;
    leave(name);
    book_->cancel(static_cast<Slot>(live.slot));
    digest(nullptr);
    notes_.push_back({events(), book_->now_ns(), name.second, live.arrival, price, live.lots, 0,
                      owner, NoteKind::kSelfTrade, false});
  }
}

Venue::Result Venue::enter(const Name& name, const Terms& terms) {
  avoid_self_trade(name.first, terms);
  Submission order;
  order.side = terms.side;
  order.price_ticks = terms.price_ticks;
  order.lots = terms.lots;
  order.time_in_force = terms.time_in_force;
  order.owner = name.first;
  const Outcome outcome = book_->submit(order);
  Taker taker{name, terms.lots};
  digest(&taker);
  Result result;
  result.filled_lots = outcome.filled_lots;
  result.dropped_lots = outcome.dropped_lots;
  if (outcome.refused) {
    const bool post_only = terms.time_in_force == TimeInForce::kPostOnly;
    result.refusal = post_only ? Refusal::kPostOnly : Refusal::kFillOrKill;
  }
  if (outcome.slot == kNoSlot) return result;
  const OrderBook& book = book_->book();
  const Order& rests = book.order(outcome.slot);
  result.open_lots = rests.lots;
  live_.insert({name, {outcome.slot, rests.arrival, rests.lots}});
  names_.insert({rests.arrival, name});
  const Lots ahead = book.level(rests.price_ticks).lots - rests.lots;  // it is the last there
  notes_.push_back({events(), book_->now_ns(), name.second, rests.arrival, rests.price_ticks,
                    rests.lots, ahead, name.first, NoteKind::kRested, true});
  return result;
}

Venue::Result Venue::submit(Owner owner, std::uint64_t order, const Terms& terms) {
  if (owner == kCrowd || live_.contains({owner, order})) {
    throw std::invalid_argument("order: expected an account above 0 and a new number, got " +
                                std::to_string(owner) + ", " + std::to_string(order));
  }
  Result result;
  result.refusal = refusal(terms.side, terms.price_ticks);
  if (result.refusal != Refusal::kNone) {
    result.dropped_lots = terms.lots;
    return result;
  }
  return enter({owner, order}, terms);
}

Venue::Result Venue::amend(Owner owner, std::uint64_t order, Ticks price_ticks, Lots lots,
                           bool post_only) {
  Result result;
  const Name name{owner, order};
  const auto found = live_.find(name);
  if (found == live_.end()) {
    result.refusal = Refusal::kUnknown;
    return result;
  }
  Live& live = found->second;
  const auto slot = static_cast<Slot>(live.slot);
  const Order rests = book_->book().order(slot);
  if (price_ticks == rests.price_ticks && lots <= rests.lots) {
    if (lots < rests.lots) book_->reduce(slot, rests.lots - lots);
    digest(nullptr);
    live.lots = result.open_lots = lots;
    return result;
  }
  result.refusal = refusal(rests.side, price_ticks);
  if (result.refusal != Refusal::kNone) {
    result.open_lots = rests.lots;
    return result;
  }
  leave(name);
  book_->cancel(slot);
  digest(nullptr);
  return enter(name, {rests.side, price_ticks, lots,
                      post_only ? TimeInForce::kPostOnly : TimeInForce::kGoodTillCancel});
}

Venue::Result Venue::cancel(Owner owner, std::uint64_t order) {
  Result result;
  const auto found = live_.find({owner, order});
  if (found == live_.end()) {
    result.refusal = Refusal::kUnknown;
    return result;
  }
  const Live live = found->second;
  leave({owner, order});
  book_->cancel(static_cast<Slot>(live.slot));
  digest(nullptr);
  result.dropped_lots = live.lots;
  return result;
}

// --- what is handed out, and kept ---------------------------------------------------------------

Venue::Taken Venue::take() {
  Taken taken{before_ + 1, log_.events(), std::exchange(notes_, {})};
  for (BookEvent& row : taken.rows) {
    row.flags = static_cast<std::uint8_t>(row.flags & (0xFFU & ~unsigned{kFlagAgent}));
  }
  before_ += taken.rows.size();
  digested_ = 0;
  log_.clear();
  return taken;
}

void Venue::check_invariants() const {
  book_->check_invariants();
  RLMM_CHECK_LE(live_.size(), names_.size());
  RLMM_CHECK_LE(names_.size(), live_.size());
  for (const auto& [name, live] : live_) {
    const auto slot = static_cast<Slot>(live.slot);
    const bool is_there = book_->book().is_live(slot, live.arrival);
    RLMM_CHECK_LE(1, static_cast<int>(is_there));
    const Order& order = book_->book().order(slot);
    RLMM_CHECK_LE(live.lots, Lots{order.lots});
    RLMM_CHECK_LE(Lots{order.lots}, live.lots);
    RLMM_CHECK_LE(order.owner, name.first);
    RLMM_CHECK_LE(name.first, order.owner);
  }
}

void Venue::save(Writer& out) const {
  if (!log_.events().empty() || !notes_.empty()) {
    throw std::logic_error("state: expected nothing left to take, got rows or notes");
  }
  book_->save(out);
  out.put(before_);
  out.put(live_.size());
  for (const auto& [name, live] : live_) {
    out.put(std::uint64_t{name.first});
    out.put(name.second);
    out.put(live);
  }
}

void Venue::load(Reader& in) {
  book_->load(in);
  before_ = in.get<std::uint64_t>();
  live_.clear();
  names_.clear();
  log_.clear();
  notes_.clear();
  digested_ = 0;
  for (auto left = in.get<std::size_t>(); left > 0; --left) {
    const auto owner = static_cast<Owner>(in.get<std::uint64_t>());
    const auto order = in.get<std::uint64_t>();
    const Live live = in.get<Live>();
    live_.insert({{owner, order}, live});
    names_.insert({live.arrival, {owner, order}});
  }
  check_invariants();
}

}  // namespace rlmm
