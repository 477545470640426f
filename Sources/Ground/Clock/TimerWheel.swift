/// Coarse timers: one wheel a worker, ticks of 100 ms. A token is scheduled for a point in time and
/// comes out once, at or after it. Nothing is ever cancelled: the owner of a token looks at its own
/// deadline when the token comes out, and schedules it again when that lies later. Moving a
/// deadline therefore costs nothing.
package struct TimerWheel: Sendable {
    package static let tick: Duration = .milliseconds(100)
    private static let tickNanoseconds: Int64 = 100_000_000
    /// 512 slots are 51.2 s; what lies beyond waits in the last slot and goes on from there.
    private static let slotCount: Int64 = 512
    /// A slot or list that held more gives its memory back.
    private static let keptCapacity = 64

    private struct Entry {
        var token: UInt64
        var due: Int64
    }

    private var slots: [[Entry]]
    /// The slot that is being emptied; empty otherwise, its memory goes to the next slot.
    private var visited: [Entry] = []
    /// The tick that was taken out last.
    private var current: Int64
    package private(set) var count = 0

    package init(now: Instant) {
        slots = Array(repeating: [], count: Int(Self.slotCount))
        current = Self.lastTick(at: now)
    }

    /// `token` comes out of `advance` at the first tick at or after `due`.
    package mutating func schedule(_ token: UInt64, at due: Instant) {
        insert(Entry(token: token, due: max(Self.firstTick(from: due), current + 1)))
        count += 1
    }

    /// Moves on to `now` and appends every token that is due to `tokens`.
    package mutating func advance(to now: Instant, into tokens: inout [UInt64]) {
        let target = Self.lastTick(at: now)
        // After a long pause one whole turn visits every slot.
        if target - current > Self.slotCount { current = target - Self.slotCount }
        while current < target {
            current += 1
            takeOut(into: &tokens)
        }
    }

    /// Milliseconds from `now` to the next tick, or nil when nothing is scheduled.
    package func millisecondsToNextTick(from now: Instant) -> Int32? {
        guard count > 0 else { return nil }
        let next = (current + 1) * Self.tickNanoseconds
        return Int32(clamping: max(0, (next - now.nanoseconds + 999_999) / 1_000_000))
    }

    /// Empties the slot of the current tick; what is due later goes on to its own.
    private mutating func takeOut(into tokens: inout [UInt64]) {
        let index = Self.slot(of: current)
        if slots[index].isEmpty { return }
        swap(&slots[index], &visited)
        for entry in visited {
            if entry.due <= current {
                tokens.append(entry.token)
                count -= 1
            } else {
                insert(entry)
            }
        }
        visited.removeAll(keepingCapacity: visited.count <= Self.keptCapacity)
    }

    private mutating func insert(_ entry: Entry) {
        slots[Self.slot(of: min(entry.due, current + Self.slotCount - 1))].append(entry)
    }

    /// Ticks before the clock's start are negative; the slots go round for them as well.
    private static func slot(of tick: Int64) -> Int { Int(tick & (slotCount - 1)) }

    /// The last tick at or before `instant`.
    private static func lastTick(at instant: Instant) -> Int64 {
        let (quotient, remainder) = instant.nanoseconds.quotientAndRemainder(
            dividingBy: tickNanoseconds)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The first tick at or after `instant`.
    private static func firstTick(from instant: Instant) -> Int64 {
        let (quotient, remainder) = instant.nanoseconds.quotientAndRemainder(
            dividingBy: tickNanoseconds)
        return remainder > 0 ? quotient + 1 : quotient
    }
}
