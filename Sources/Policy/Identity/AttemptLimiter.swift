package import Clock
package import Settings

/// Counts attempts to enter that failed, by address (IPv6: by /64), so that nobody can try tokens
/// as fast as they like. One owner, one thread.
///
/// Only failures are limited. Many people share an address, so that a good token is let in whatever
/// others do: a caller verifies first, and comes here with a failure. To find out that a token is
/// good costs a hash or a signature (2 to 100 microseconds); a failure beyond the limit also costs
/// its author the connection, which is dearer.
///
/// A bucket for each address: it holds `burst` failures and loses `perSecond` of them; who has
/// filled it is over the limit until there is room again. Only its debt is kept, as the moment at
/// which it is empty, and an empty bucket is as good as none.
///
/// The table has a fixed size, in sets of `ways` places; which set an address belongs to depends on
/// the seed of the process (`Hasher`), which nobody knows. In a full set the newcomer takes the
/// place of the bucket with the least debt. To make the table forget an address, one has to bring
/// all the other buckets of its set above it: to fail, within `burst` / `perSecond` seconds, from
/// `ways` addresses that happen to share its set, each more often than the address itself. Who owns
/// so many addresses gains more by using each of them up to its limit. Under such a flood the limit
/// gives way for the addresses that have failed least; nobody is ever blocked for another's
/// failures.
package struct AttemptLimiter: Sendable {
    /// Addresses that are remembered, a multiple of `ways`.
    package static let standardCapacity = 65_536
    package static let ways = 8

    private struct Place: Sendable {
        var addressKey: UInt64 = 0
        /// When the bucket is empty, in nanoseconds; in the past for a place that is free.
        var emptyAt = Int64.min
    }

    /// One failure.
    private var step: Int64
    /// A bucket with more debt than this has no room for one failure more.
    private var room: Int64
    private let capacity: Int
    /// Empty until something fails.
    private var places: [Place] = []
    private var nextLine = Int64.min
    private var leftOut = 0

    package init(_ limit: AttemptLimit, capacity: Int = standardCapacity) {
        (step, room) = Self.measures(of: limit)
        self.capacity = max(1, capacity / Self.ways) * Self.ways
    }

    private static func measures(of limit: AttemptLimit) -> (step: Int64, room: Int64) {
        let step = 1_000_000_000 / Int64(max(1, limit.perSecond))
        return (step, step * Int64(max(1, limit.burst) - 1))
    }

    /// Goes on with another limit: as many failures as an address still had to answer for it has
    /// to answer for now, up to the new burst.
    package mutating func use(_ limit: AttemptLimit, now: Instant) {
        let before = step
        (step, room) = Self.measures(of: limit)
        for index in places.indices {
            let debt = debt(places[index], now)
            guard debt > 0 else { continue }
            let failures = Double(debt) / Double(before)
            let sum = min(Int64(failures * Double(step)), room + step)
            places[index].emptyAt = (now + .nanoseconds(sum)).nanoseconds
        }
    }

    /// True while further failures from `address` are to be answered `rate_limited`; such a one is
    /// not noted as another failure.
    package func isOverLimit(_ address: ClientAddress, now: Instant) -> Bool {
        guard let index = index(of: address.key) else { return false }
        return debt(places[index], now) > room
    }

    /// An attempt from `address` has failed.
    package mutating func noteFailure(_ address: ClientAddress, now: Instant) {
        if places.isEmpty { places = Array(repeating: Place(), count: capacity) }
        let addressKey = address.key
        let index = index(of: addressKey) ?? cheapest(for: addressKey, now)
        let debt = places[index].addressKey == addressKey ? debt(places[index], now) : 0
        // The failures of clients that left before they were answered come on top of the bucket:
        // they make no other client wait longer.
        let sum = min(debt + step, room + step)
        places[index] = Place(
            addressKey: addressKey, emptyAt: (now + .nanoseconds(sum)).nanoseconds)
    }

    /// At most once a second: how many lines were left out since the last one. Nil for a line that
    /// is left out itself.
    package mutating func shouldLog(now: Instant) -> Int? {
        guard now.nanoseconds >= nextLine else {
            leftOut += 1
            return nil
        }
        defer { leftOut = 0 }
        nextLine = (now + .seconds(1)).nanoseconds
        return leftOut
    }

    private func debt(_ place: Place, _ now: Instant) -> Int64 {
        place.emptyAt > now.nanoseconds ? place.emptyAt - now.nanoseconds : 0
    }

    private func index(of addressKey: UInt64) -> Int? {
        guard !places.isEmpty else { return nil }
        return set(of: addressKey).first { index in
            places[index].addressKey == addressKey && places[index].emptyAt != .min
        }
    }

    private func cheapest(for addressKey: UInt64, _ now: Instant) -> Int {
        let set = set(of: addressKey)
        return set.min { places[$0].emptyAt < places[$1].emptyAt } ?? set.lowerBound
    }

    private func set(of addressKey: UInt64) -> Range<Int> {
        var hasher = Hasher()
        hasher.combine(addressKey)
        let sets = UInt(capacity / Self.ways)
        let first = Int(UInt(bitPattern: hasher.finalize()) % sets) * Self.ways
        return first..<first + Self.ways
    }
}
