#include <algorithm>
#include <vector>

#include "flow/flow_model.h"
#include "market/flow_book.h"
#include "market/scenario.h"
#include "venue/venue_book.h"

namespace rlmm {
namespace {

constexpr Ticks kBandDepths = 4;  // of the flow's reach

class FlowVenueBook : public VenueBook {
 public:
  FlowVenueBook(const BookMarketParams& params, SeedKey key)
      : model_(params.model),
        scenario_(params.shocks),
        market_(model_, params.mirrored, {params.reaction_full_lots, params.reaction_budget_hz}) {
    market_.start(key, 0, params.mid_initial_ticks, params.session_start_ns, params.warmup_ns);
  }

  void advance(TimeNs until_ns) override {
    std::int64_t events = 0;
    while (now_ns() < until_ns || now_ns() >= change_ns_) {
      if (now_ns() >= change_ns_) apply_scenario();
      while (market_.advance(std::min(until_ns, change_ns_))) market_.check_not_runaway(++events);
    }
  }
  const OrderBook& book() const override { return market_.book(); }
  TimeNs now_ns() const override { return market_.now_ns(); }
  bool halted() const override { return market_.halted(); }
  bool ended() const override { return false; }
  Ticks band_ticks() const override { return kBandDepths * model_.depth_ticks; }

  Outcome submit(const Submission& order) override {
    executions_.clear();
    return market_.submit(order.side, order.price_ticks, order.lots, order.time_in_force,
                          executions_, order.owner);
  }
  void cancel(Slot slot) override { market_.cancel(slot); }
  void reduce(Slot slot, Lots lots) override {
    executions_.clear();
    const Order order = book().order(slot);
    market_.amend(slot, order.price_ticks, order.lots - lots, TimeInForce::kGoodTillCancel,
                  executions_);
  }

  void record(EventLog* log) override { market_.record(log); }
  void check_invariants() const override { market_.check_invariants(); }
  void save(Writer& out) const override {
    market_.save(out);
    out.put(change_ns_);
  }
  void load(Reader& in) override {
    market_.load(in);
    change_ns_ = in.get<TimeNs>();
  }

 private:
  void apply_scenario() {
    change_ns_ = scenario_.next_change_ns(now_ns());
    if (!scenario_.empty()) scenario_.apply_to(market_);
  }

  FlowModel model_;
  Scenario scenario_;
  FlowBook market_;
  TimeNs change_ns_ = 0;
  std::vector<FlowBook::Execution> executions_;  // scratch: the log has them too
};

}  // namespace

std::unique_ptr<VenueBook> make_flow_venue_book(const BookMarketParams& params, SeedKey key) {
  return std::make_unique<FlowVenueBook>(params, key);
}

}  // namespace rlmm
