// What a book market is made of: who sends which orders, and how that depends on the book.
//
// The same names, fields and units as the classes of `rlmm_tf/market_model.py`, where each field is
// described. The intensity of event group g at time t is
//
//   regime_factor x season_factor x tilt x orders at risk (cancels only)
//     x [ state_factor(spread bin, imbalance bin) x hit_gap_factor (market orders) x baseline_hz
//         + sum over decays b and past events of group h: excitation x b exp(-b age) ]
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "types.h"

namespace rlmm {

// Event groups by the side of the book they act on: a market sell order hits bids. Groups 2 k and
// 2 k + 1 are each other's mirror.
enum class Group : std::uint8_t {
  kMarketSell,
  kMarketBuy,
  kLimitBid,
  kLimitAsk,
  kCancelBid,
  kCancelAsk
};
inline constexpr std::size_t kGroups = 6;
inline constexpr std::array<const char*, kGroups> kGroupNames = {
    "market_sell", "market_buy", "limit_bid", "limit_ask", "cancel_bid", "cancel_ask"};

struct GroupParams {
  double baseline_hz = 0.0;
  std::vector<double> state_factor;   // of the baseline; spread bin major; empty: 1 everywhere
  std::vector<double> regime_factor;  // one per regime; empty: 1
  std::vector<double> season_factor;  // one per season bin; empty: 1

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("baseline_hz", self.baseline_hz);
    visit("state_factor", self.state_factor);
    visit("regime_factor", self.regime_factor);
    visit("season_factor", self.season_factor);
  }
};

// A law on positive sizes.
struct SizeLaw {
  std::vector<Lots> lots;
  std::vector<double> probability;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("lots", self.lots);
    visit("probability", self.probability);
  }
};

// Where limit orders go in one spread bin: shares that sum to 1 over both lists.
struct LimitMarks {
  std::vector<double> improving;  // 1, 2, ... ticks better than the own best price
  std::vector<double> resting;    // 0, 1, ... ticks worse

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("improving", self.improving);
    visit("resting", self.resting);
  }
};

// Sizes and lifetime class of limit orders that improve the price, join it, or lie deeper.
struct LimitPlaceParams {
  SizeLaw sizes;
  double flickering_share = 0.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("sizes", self.sizes);
    visit("flickering_share", self.flickering_share);
  }
};

// What limit orders do that come right after the own best price has gone.
struct RefillParams {
  double share = 0.0;       // take its place; the rest do as ever
  double back_share = 0.0;  // of these, at the very price that has gone

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("share", self.share);
    visit("back_share", self.back_share);
  }
};

// Size of a market order given the best queue it hits; the rest of the probability takes a size
// from `sizes` as it is.
struct MarketOrderParams {
  double whole_queue = 0.0;   // exactly the best queue
  double beyond_queue = 0.0;  // the best queue and a size from `sizes` more
  double within_queue = 0.0;  // a size from `sizes`, at most the best queue
  SizeLaw sizes;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("whole_queue", self.whole_queue);
    visit("beyond_queue", self.beyond_queue);
    visit("within_queue", self.within_queue);
    visit("sizes", self.sizes);
  }
};

struct CancelParams {
  bool per_order = true;        // the group's intensity is multiplied by the hazards of live orders
  double patient_hazard = 1.0;  // weight of a patient order
  double flickering_hazard = 1.0;
  double partial_share = 0.0;           // of cancels that only reduce an order
  std::vector<double> distance_factor;  // by ticks from the own best price, each at most 1
  double company_factor = 1.0;  // at most 1; of orders at the best price that are not alone there

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("per_order", self.per_order);
    visit("patient_hazard", self.patient_hazard);
    visit("flickering_hazard", self.flickering_hazard);
    visit("partial_share", self.partial_share);
    visit("distance_factor", self.distance_factor);
    visit("company_factor", self.company_factor);
  }
};

// A hidden efficient price that walks on its own and draws market orders and improving quotes
// towards itself.
struct InformedFlowParams {
  double volatility_ticks = 0.0;  // per root second; 0 turns the tilt off
  double gap_scale_ticks = 1.0;
  double gap_clip = 3.0;
  TimeNs interval_ns = 250'000'000;  // between its moves
  double market_tilt = 0.0;
  double limit_tilt = 0.0;
  double sign_shrink = 1.0;  // of same-less-opposite market order kernels slower than the bound
  double slow_below_hz = 1.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("volatility_ticks", self.volatility_ticks);
    visit("gap_scale_ticks", self.gap_scale_ticks);
    visit("gap_clip", self.gap_clip);
    visit("interval_ns", self.interval_ns);
    visit("market_tilt", self.market_tilt);
    visit("limit_tilt", self.limit_tilt);
    visit("sign_shrink", self.sign_shrink);
    visit("slow_below_hz", self.slow_below_hz);
  }
};

// Typical values: they scale observations and place the first book, and move nothing else.
struct TypicalParams {
  Ticks spread_ticks = 1;
  double touch_lots = 1.0;
  double volatility_ticks = 1.0;  // of the mid, per root second
  double market_orders_hz = 1.0;  // of one side

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("spread_ticks", self.spread_ticks);
    visit("touch_lots", self.touch_lots);
    visit("volatility_ticks", self.volatility_ticks);
    visit("market_orders_hz", self.market_orders_hz);
  }
};

// Throws std::invalid_argument that names the field, what was expected and what came.
void require_typical(const std::string& at, const TypicalParams& typical);

struct MarketModel {
  static constexpr std::size_t kDecaysMax = 7;
  static constexpr double kBranchingRadiusMax = 0.97;

  std::vector<Ticks> spread_bin_ticks = {1};  // lower edges, rising from 1
  std::vector<double> imbalance_bin_edges;    // inner edges, rising within (-1, 1)
  std::vector<GroupParams> groups;            // kGroups of them, in the order of `Group`
  std::vector<double> decays_hz;              // shared by all kernels
  std::vector<double> excitation;             // [decay][target][source], row major
  std::vector<LimitMarks> limit_marks;        // one per spread bin
  RefillParams refill;
  LimitPlaceParams improving;
  LimitPlaceParams joining;
  LimitPlaceParams deeper;
  MarketOrderParams market_orders;
  std::vector<Ticks> hit_gap_bin_ticks;  // lower edges of the gap behind the best queue, from 1
  std::vector<double> hit_gap_factor;    // of market orders' baseline; empty: 1
  CancelParams cancels;
  // Limit orders and cancels behind this many levels of their side excite nothing; 0: all do.
  std::int64_t exciting_levels = 0;
  std::vector<double> far_level_orders = {1.0};  // law of the orders of a level that comes in reach
  std::vector<std::vector<double>> switch_rates_hz = {{0.0}};
  std::vector<double> initial_regime_probabilities = {1.0};
  std::vector<double> regime_volatility_factor;  // of the efficient price; empty: 1
  double season_bin_s = 0.0;                     // 0: no season
  InformedFlowParams informed;
  TypicalParams typical;

  std::size_t n_regimes() const { return switch_rates_hz.size(); }
  std::size_t n_spread_bins() const { return spread_bin_ticks.size(); }
  std::size_t n_imbalance_bins() const { return imbalance_bin_edges.size() + 1; }
  std::size_t n_states() const { return n_spread_bins() * n_imbalance_bins(); }
  // Limit orders lie within this many ticks of the own best price.
  Ticks depth_ticks() const { return static_cast<Ticks>(limit_marks.front().resting.size()); }

  // Largest eigenvalue of the summed kernels' norms: events begotten by one event, below 1. The
  // factors are left out, and so are the orders at risk.
  double branching_radius() const;

  // Roughly the most events per second: baselines x largest factors / (1 - branching radius).
  double events_hz_bound() const;

  // Throws std::invalid_argument that names the field, what was expected and what came.
  void validate() const;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor& visit) {
    visit("spread_bin_ticks", self.spread_bin_ticks);
    visit("imbalance_bin_edges", self.imbalance_bin_edges);
    visit("groups", self.groups);
    visit("decays_hz", self.decays_hz);
    visit("excitation", self.excitation);
    visit("limit_marks", self.limit_marks);
    visit("refill", self.refill);
    visit("improving", self.improving);
    visit("joining", self.joining);
    visit("deeper", self.deeper);
    visit("market_orders", self.market_orders);
    visit("hit_gap_bin_ticks", self.hit_gap_bin_ticks);
    visit("hit_gap_factor", self.hit_gap_factor);
    visit("cancels", self.cancels);
    visit("exciting_levels", self.exciting_levels);
    visit("far_level_orders", self.far_level_orders);
    visit("switch_rates_hz", self.switch_rates_hz);
    visit("initial_regime_probabilities", self.initial_regime_probabilities);
    visit("regime_volatility_factor", self.regime_volatility_factor);
    visit("season_bin_s", self.season_bin_s);
    visit("informed", self.informed);
    visit("typical", self.typical);
  }
};

}  // namespace rlmm
