#include "agent/desk.h"

#include <algorithm>
#include <cmath>

namespace rlmm {

Desk::Desk(Lots inventory_cap_lots, std::optional<double> messages_hz, Side first)
    : inventory_cap_lots_(inventory_cap_lots),
      messages_hz_(messages_hz.value_or(0.0)),
      sides_{first, first == Side::kBid ? Side::kAsk : Side::kBid} {}

void Desk::open(Lots inventory_lots) {
  working_ = {};
  inventory_lots_ = inventory_lots;
  orders_ = 0;
  allowance_ = std::max(1.0, messages_hz_);
  allowance_ns_ = 0;
  refused_ = 0;
}

std::optional<Message> Desk::message_for(Side side, Ticks price_ticks, Lots lots) const {
  const Working& now = working(side);
  Message message;
  message.side = side;
  message.price_ticks = price_ticks;
  message.lots = lots;
  message.order = now.order;
  message.open_lots = now.open_lots;
  if (now.open_lots == 0) {
    message.kind = MessageKind::kNew;
    message.order = orders_ + 1;
    return lots > 0 ? std::optional(message) : std::nullopt;
  }
  if (lots == 0) {
    message.kind = MessageKind::kCancel;
    return message;
  }
  message.kind = MessageKind::kReplace;
  const bool keeps =
      price_ticks == now.price_ticks && lots >= now.open_lots && lots <= now.asked_lots;
  return keeps ? std::nullopt : std::optional(message);
}

// A bucket that holds a second's worth.
bool Desk::may_send(TimeNs now_ns) {
  if (messages_hz_ == 0.0) return true;
  const double gained = messages_hz_ * static_cast<double>(now_ns - allowance_ns_) / kNsPerS;
  allowance_ = std::min(std::max(1.0, messages_hz_), allowance_ + gained);
  allowance_ns_ = now_ns;
  if (allowance_ < 1.0) return false;
  allowance_ -= 1.0;
  return true;
}

void Desk::sent(const Message& message) {
  Working& now = working_[static_cast<std::size_t>(message.side)];
  orders_ = std::max(orders_, message.order);
  if (message.kind == MessageKind::kCancel) {
    now = Working{};
  } else {
    now = {message.order, message.price_ticks, message.lots, message.lots};
  }
}

Packet Desk::decide(const Quotes& quotes, Ticks mid_ticks_x2, TimeNs now_ns) {
  refused_ = 0;
  Packet packet;
  for (const Side side : sides_) {
    const auto s = static_cast<std::size_t>(side);
    const Ticks mid_ticks = (mid_ticks_x2 + (side == Side::kAsk ? 1 : 0)) / 2;
    const Ticks price_ticks = std::max<Ticks>(1, mid_ticks - sign(side) * quotes.offset_ticks[s]);
    const Lots room_lots = std::max<Lots>(0, inventory_cap_lots_ - sign(side) * inventory_lots_);
    const std::optional<Message> message =
        message_for(side, price_ticks, std::min(quotes.lots[s], room_lots));
    if (!message) continue;
    if (!may_send(now_ns)) {
      ++refused_;
      continue;
    }
    sent(*message);
    packet.messages[packet.size++] = *message;
  }
  return packet;
}

void Desk::hear(const Notice& notice) {
  inventory_lots_ += sign(notice.side) * notice.filled_lots;
  Working& now = working_[static_cast<std::size_t>(notice.side)];
  if (now.order != notice.order) return;
  now.open_lots = std::max<Lots>(0, now.open_lots - notice.filled_lots - notice.dropped_lots);
  if (now.open_lots == 0) now = Working{};
}

void Desk::save(Writer& out) const {
  out.put(working_);
  out.put(inventory_lots_);
  out.put(orders_);
  out.put(allowance_);
  out.put(allowance_ns_);
}

void Desk::load(Reader& in) {
  working_ = in.get<std::array<Working, 2>>();
  inventory_lots_ = in.get<Lots>();
  orders_ = in.get<std::uint64_t>();
  allowance_ = in.get<double>();
  allowance_ns_ = in.get<TimeNs>();
}

}  // namespace rlmm
