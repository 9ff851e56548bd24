#include "market/markouts.h"

namespace rlmm {

void Markouts::clear() {
  fills_.clear();
  next_ = {};
  due_ns_ = kNever;
  matured_ = Matured{};
}

void Markouts::settle_due(TimeNs now_ns, Ticks mid_ticks_x2) {
  due_ns_ = kNever;
  for (std::size_t h = 0; h < kMarkouts; ++h) {
    std::size_t& next = next_[h];
    while (next < fills_.size() && fills_[next].at_ns + kMarkoutHorizonsNs[h] <= now_ns) {
      const Fill& fill = fills_[next++];
      const Money gain_x2 =
          checked_mul(fill.signed_lots, mid_ticks_x2 - 2 * fill.price_ticks, "markout of a fill");
      matured_.gain_x2[h] = checked_add(matured_.gain_x2[h], gain_x2, "markouts of a step");
      matured_.lots[h] += std::abs(fill.signed_lots);
    }
    if (next < fills_.size()) {
      due_ns_ = std::min(due_ns_, fills_[next].at_ns + kMarkoutHorizonsNs[h]);
    }
  }
  forget_settled();
}

// The longest horizon settles last; what lies before its place is done with.
void Markouts::forget_settled() {
  constexpr std::size_t kWorthIt = 256;
  const std::size_t done = next_[kMarkouts - 1];
  if (done < kWorthIt) return;
  fills_.erase(fills_.begin(), fills_.begin() + static_cast<std::ptrdiff_t>(done));
  for (std::size_t& next : next_) next -= done;
}

void Markouts::save(Writer& out) const {
  out.put_vector(fills_);
  out.put(next_);
  out.put(due_ns_);
  out.put(matured_);
}

void Markouts::load(Reader& in) {
  fills_ = in.get_vector<Fill>();
  next_ = in.get<std::array<std::size_t, kMarkouts>>();
  due_ns_ = in.get<TimeNs>();
  matured_ = in.get<Matured>();
  for (const std::size_t next : next_) {
    if (next > fills_.size()) {
      throw std::invalid_argument("state: expected markouts of fills it has, got fill " +
                                  std::to_string(next));
    }
  }
}

}  // namespace rlmm
