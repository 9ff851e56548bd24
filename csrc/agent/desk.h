// The agent's desk: turns what a decision wants into the fewest messages.
//
// It knows only what it has sent and what it has heard back. One order per side: while the price
// stays and the size is not asked to grow, nothing is sent and the order keeps its place in the
// queue, also when part of it has been filled. A smaller size at the same price is an amendment
// that keeps priority; a new price, or a larger size than was asked for, gives it up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "agent/quotes.h"
#include "serialize.h"
#include "types.h"

namespace rlmm {

enum class MessageKind : std::uint8_t { kNew, kReplace, kCancel };

struct Message {
  TimeNs arrival_ns = 0;
  std::uint64_t order = 0;  // the desk's number of the order
  Ticks price_ticks = 0;
  Lots lots = 0;       // wanted open size
  Lots open_lots = 0;  // open size the desk believed in when it sent this
  MessageKind kind = MessageKind::kNew;
  Side side = Side::kBid;
  std::uint8_t padding[6]{};  // always 0: a message's bytes are its value
};
static_assert(sizeof(Message) == 48);

// What comes back from the market about an order.
struct Notice {
  TimeNs heard_ns = 0;
  std::uint64_t order = 0;
  Lots filled_lots = 0;   // of it; moves the inventory
  Lots dropped_lots = 0;  // taken off it without a fill: refused, cut, or too late
  Side side = Side::kBid;
  std::uint8_t padding[7]{};
};
static_assert(sizeof(Notice) == 40);

// At most two messages: one per side.
struct Packet {
  std::array<Message, 2> messages{};
  std::size_t size = 0;
};

class Desk {
 public:
  // `messages_hz`: at most so many messages a second on average, a second's worth at once; none is
  // no limit. `inventory_cap_lots` bounds what is asked for by the inventory the desk knows of.
  // `first` is the side whose message goes out first.
  Desk(Lots inventory_cap_lots, std::optional<double> messages_hz, Side first);

  void open(Lots inventory_lots);

  // The messages that bring the orders from what the desk believes to `quotes` around `mid_ticks`
  // (a bid rounds down, an ask up, when the mid lies between two ticks).
  Packet decide(const Quotes& quotes, Ticks mid_ticks_x2, TimeNs now_ns);

  void hear(const Notice& notice);

  // What was decided for that side since `before` has not been sent after all.
  void take_back(Side side, const Desk& before) {
    working_[index_of(side)] = before.working_[index_of(side)];
  }

  Lots inventory_lots() const { return inventory_lots_; }
  Lots open_lots(Side side) const { return working(side).open_lots; }
  Ticks price_ticks(Side side) const { return working(side).price_ticks; }
  // Messages the limit held back in the last decision.
  std::int64_t refused() const { return refused_; }

  void save(Writer& out) const;
  void load(Reader& in);

 private:
  struct Working {
    std::uint64_t order = 0;
    Ticks price_ticks = 0;
    Lots asked_lots = 0;
    Lots open_lots = 0;  // 0: no order
  };
  const Working& working(Side side) const { return working_[static_cast<std::size_t>(side)]; }
  std::optional<Message> message_for(Side side, Ticks price_ticks, Lots lots) const;
  bool may_send(TimeNs now_ns);
  void sent(const Message& message);

  Lots inventory_cap_lots_;
  double messages_hz_;  // 0: no limit
  std::array<Side, 2> sides_;
  std::array<Working, 2> working_{};
  Lots inventory_lots_ = 0;
  std::uint64_t orders_ = 0;
  double allowance_ = 0.0;
  TimeNs allowance_ns_ = 0;
  std::int64_t refused_ = 0;
};

}  // namespace rlmm
