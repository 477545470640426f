package import Clock

/// The times in which a server could not be reached, and what the log says of them: one line when
/// it goes and one when it is back, however many requests find that out, of all workers together.
/// A server that comes and goes without end is worth two lines a second.
package struct Outage: Sendable {
    package enum Notice: Sendable, Hashable {
        case away
        /// - Parameters:
        ///   - after: how long it was away, the last time if it was several times.
        ///   - attempts: how many failed since the last such line.
        case back(after: Duration, attempts: Int)
    }

    /// Between a line that it is back and the next one that it went.
    private static let pause: Duration = .seconds(1)

    /// Since when it cannot be reached; nil while it can.
    private(set) var began: Instant?
    /// When it was back the last time.
    private(set) var ended: Instant?
    private var isSaid = false
    private var nextLine = Instant(nanoseconds: .min)
    private var attempts = 0
    /// How often it went away.
    package private(set) var count = 0

    package init() {}

    /// An attempt to reach it failed.
    package mutating func failed(at now: Instant) -> Notice? {
        attempts += 1
        if began == nil {
            began = now
            count += 1
        }
        guard !isSaid, now >= nextLine else { return nil }
        isSaid = true
        return .away
    }

    /// The server was reached.
    package mutating func succeeded(at now: Instant) -> Notice? {
        guard let began else { return nil }
        self.began = nil
        ended = now
        guard isSaid else { return nil }
        isSaid = false
        nextLine = now + Self.pause
        defer { attempts = 0 }
        return .back(after: now - began, attempts: attempts)
    }
}
