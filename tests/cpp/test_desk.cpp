// The desk's rules, one by one: what is sent, what is kept, what is believed.
#include "agent/desk.h"
#include "check.h"

namespace rlmm {
namespace {

constexpr Ticks kMidX2 = 2000;
constexpr TimeNs kS = 1'000'000'000;

Desk fresh_desk(Lots inventory = 0, Lots cap = 100, std::optional<double> hz = std::nullopt) {
  Desk desk(cap, hz, Side::kBid);
  desk.open(inventory);
  return desk;
}

Quotes quotes(Ticks bid_offset, Lots bid_lots, Ticks ask_offset = 1, Lots ask_lots = 0) {
  return {{bid_offset, ask_offset}, {bid_lots, ask_lots}};
}

Notice notice(Side side, std::uint64_t order, Lots filled, Lots dropped) {
  Notice heard;
  heard.side = side;
  heard.order = order;
  heard.filled_lots = filled;
  heard.dropped_lots = dropped;
  return heard;
}

}  // namespace

TEST("desk: the first quotes are new orders, bid first") {
  Desk desk = fresh_desk();
  const Packet packet = desk.decide(quotes(2, 5, 3, 4), kMidX2, 0);
  CHECK_EQ(packet.size, std::size_t{2});
  const Message& bid = packet.messages[0];
  const Message& ask = packet.messages[1];
  CHECK(bid.kind == MessageKind::kNew && bid.side == Side::kBid);
  CHECK(ask.kind == MessageKind::kNew && ask.side == Side::kAsk);
  CHECK_EQ(bid.price_ticks, 998);
  CHECK_EQ(ask.price_ticks, 1003);
  CHECK_EQ(bid.lots, 5);
  CHECK_EQ(ask.lots, 4);
  CHECK_EQ(bid.order, std::uint64_t{1});
  CHECK_EQ(ask.order, std::uint64_t{2});
  CHECK_EQ(desk.open_lots(Side::kBid), 5);
  CHECK_EQ(desk.price_ticks(Side::kAsk), 1003);
  Desk mirrored(100, std::nullopt, Side::kAsk);
  mirrored.open(0);
  CHECK(mirrored.decide(quotes(2, 5, 3, 4), kMidX2, 0).messages[0].side == Side::kAsk);
}

TEST("desk: an odd mid rounds a bid down and an ask up") {
  Desk desk = fresh_desk();
  const Packet packet = desk.decide(quotes(0, 1, 0, 1), 2001, 0);
  CHECK_EQ(packet.messages[0].price_ticks, 1000);
  CHECK_EQ(packet.messages[1].price_ticks, 1001);
  Desk low = fresh_desk();
  CHECK_EQ(low.decide(quotes(50, 1), 20, 0).messages[0].price_ticks, 1);  // prices stay positive
}

TEST("desk: nothing is sent while price and size stay") {
  Desk desk = fresh_desk();
  CHECK_EQ(desk.decide(quotes(2, 5), kMidX2, 0).size, std::size_t{1});
  CHECK_EQ(desk.decide(quotes(2, 5), kMidX2, 1).size, std::size_t{0});
  CHECK_EQ(desk.decide(quotes(3, 5), kMidX2 + 2, 2).size, std::size_t{0});  // the same price
}

TEST("desk: a part that has been filled does not move the order") {
  Desk desk = fresh_desk();
  desk.decide(quotes(2, 5), kMidX2, 0);
  desk.hear(notice(Side::kBid, 1, 2, 0));
  CHECK_EQ(desk.open_lots(Side::kBid), 3);
  CHECK_EQ(desk.inventory_lots(), 2);
  for (const Lots asked : {5, 4, 3}) {  // no more than was asked for, no less than is open
    CHECK_EQ(desk.decide(quotes(2, asked), kMidX2, 0).size, std::size_t{0});
  }
  const Packet less = desk.decide(quotes(2, 2), kMidX2, 0);
  CHECK(less.size == 1 && less.messages[0].kind == MessageKind::kReplace);
  CHECK_EQ(less.messages[0].lots, 2);
  CHECK_EQ(less.messages[0].open_lots, 3);
  CHECK_EQ(less.messages[0].order, std::uint64_t{1});
}

TEST("desk: more lots or another price replace the order") {
  Desk desk = fresh_desk();
  desk.decide(quotes(2, 5), kMidX2, 0);
  const Packet more = desk.decide(quotes(2, 6), kMidX2, 0);
  CHECK(more.size == 1 && more.messages[0].kind == MessageKind::kReplace);
  CHECK_EQ(more.messages[0].open_lots, 5);
  const Packet moved = desk.decide(quotes(1, 6), kMidX2, 0);
  CHECK(moved.size == 1 && moved.messages[0].kind == MessageKind::kReplace);
  CHECK_EQ(moved.messages[0].price_ticks, 999);
  CHECK_EQ(moved.messages[0].order, std::uint64_t{1});
}

TEST("desk: no lots cancel the order, and the next is another one") {
  Desk desk = fresh_desk();
  desk.decide(quotes(2, 5), kMidX2, 0);
  const Packet cancelled = desk.decide(quotes(2, 0), kMidX2, 0);
  CHECK(cancelled.size == 1 && cancelled.messages[0].kind == MessageKind::kCancel);
  CHECK_EQ(cancelled.messages[0].order, std::uint64_t{1});
  CHECK_EQ(desk.open_lots(Side::kBid), 0);
  CHECK_EQ(desk.decide(quotes(2, 0), kMidX2, 0).size, std::size_t{0});
  const Packet anew = desk.decide(quotes(2, 4), kMidX2, 0);
  CHECK(anew.size == 1 && anew.messages[0].kind == MessageKind::kNew);
  CHECK_EQ(anew.messages[0].order, std::uint64_t{2});
  desk.hear(notice(Side::kBid, 1, 3, 0));  // filled before the cancel came
  CHECK_EQ(desk.inventory_lots(), 3);
  CHECK_EQ(desk.open_lots(Side::kBid), 4);
}

TEST("desk: what is refused or filled whole leaves no order") {
  Desk desk = fresh_desk();
  desk.decide(quotes(2, 5, 1, 3), kMidX2, 0);
  desk.hear(notice(Side::kBid, 1, 0, 5));
  desk.hear(notice(Side::kAsk, 2, 3, 0));
  CHECK_EQ(desk.open_lots(Side::kBid), 0);
  CHECK_EQ(desk.open_lots(Side::kAsk), 0);
  CHECK_EQ(desk.price_ticks(Side::kAsk), 0);
  CHECK_EQ(desk.inventory_lots(), -3);
  CHECK(desk.decide(quotes(2, 5), kMidX2, 0).messages[0].kind == MessageKind::kNew);
}

TEST("desk: a notice of more than it believes open is taken to zero") {
  Desk desk = fresh_desk();
  desk.decide(quotes(2, 5), kMidX2, 0);
  desk.decide(quotes(2, 2), kMidX2, 0);  // a cut is under way when five fill
  desk.hear(notice(Side::kBid, 1, 5, 0));
  CHECK_EQ(desk.open_lots(Side::kBid), 0);
  CHECK_EQ(desk.inventory_lots(), 5);
}

TEST("desk: asks for no more than the inventory has room for") {
  Desk desk = fresh_desk(8, 10);
  const Packet packet = desk.decide(quotes(2, 5, 2, 5), kMidX2, 0);
  CHECK_EQ(packet.messages[0].lots, 2);
  CHECK_EQ(packet.messages[1].lots, 5);
  Desk full = fresh_desk(10, 10);
  CHECK(full.decide(quotes(2, 5), kMidX2, 0).size == 0);
  Desk over = fresh_desk(-12, 10);
  const Packet one = over.decide(quotes(2, 30, 2, 5), kMidX2, 0);
  CHECK(one.size == 1 && one.messages[0].side == Side::kBid);
  CHECK_EQ(one.messages[0].lots, 22);
}

TEST("desk: messages come out of a bucket of a second's worth") {
  Desk desk = fresh_desk(0, 100, 2.0);
  CHECK_EQ(desk.decide(quotes(1, 1, 1, 1), kMidX2, 0).size, std::size_t{2});
  const Packet none = desk.decide(quotes(2, 1, 2, 1), kMidX2, kS / 4);
  CHECK_EQ(none.size, std::size_t{0});
  CHECK_EQ(desk.refused(), 2);
  CHECK_EQ(desk.price_ticks(Side::kBid), 999);  // what was not sent is not believed
  const Packet one = desk.decide(quotes(2, 1, 2, 1), kMidX2, kS / 2);
  CHECK_EQ(one.size, std::size_t{1});
  CHECK_EQ(desk.refused(), 1);
  CHECK_EQ(desk.decide(quotes(3, 1, 3, 1), kMidX2, 100 * kS).size, std::size_t{2});
  CHECK_EQ(desk.refused(), 0);
  CHECK_EQ(desk.decide(quotes(4, 1, 4, 1), kMidX2, 100 * kS).size,
           std::size_t{0});  // no more than 2
}

TEST("desk: a slow bucket still holds one message") {
  Desk desk = fresh_desk(0, 100, 0.1);
  CHECK_EQ(desk.decide(quotes(1, 1, 1, 1), kMidX2, 0).size, std::size_t{1});
  CHECK_EQ(desk.decide(quotes(2, 1, 1, 1), kMidX2, 9 * kS).size, std::size_t{0});
  CHECK_EQ(desk.decide(quotes(2, 1, 1, 1), kMidX2, 10 * kS).size, std::size_t{1});
}

TEST("desk: opening forgets everything") {
  Desk desk = fresh_desk(0, 100, 1.0);
  desk.decide(quotes(1, 1, 1, 1), kMidX2, 50 * kS);
  CHECK_EQ(desk.refused(), 1);
  desk.open(-4);
  CHECK_EQ(desk.refused(), 0);
  CHECK_EQ(desk.inventory_lots(), -4);
  CHECK_EQ(desk.open_lots(Side::kBid), 0);
  const Packet packet = desk.decide(quotes(1, 1), kMidX2, 0);
  CHECK(packet.size == 1 && packet.messages[0].order == 1);
}

TEST("desk: goes on from a saved state") {
  Desk desk = fresh_desk(3, 100, 3.0);
  desk.decide(quotes(1, 5, 1, 5), kMidX2, 0);
  desk.hear(notice(Side::kBid, 1, 2, 0));
  Writer out;
  desk.save(out);
  Desk resumed(100, 3.0, Side::kBid);
  Reader in(out.bytes());
  resumed.load(in);
  CHECK_EQ(in.left(), std::size_t{0});
  for (Desk* one : {&desk, &resumed}) {
    const Packet packet = one->decide(quotes(1, 2, 2, 5), kMidX2, kS / 8);
    CHECK_EQ(packet.size, std::size_t{1});  // the bucket had one left
    CHECK_EQ(packet.messages[0].open_lots, 3);
    CHECK_EQ(one->inventory_lots(), 5);
    CHECK_EQ(one->refused(), 1);
  }
}

}  // namespace rlmm
