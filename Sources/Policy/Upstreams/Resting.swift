package import Clock

/// How an upstream connection rests between two requests, and what has to be done when the next
/// one wants it. Nobody asked for what comes while it rests: octets are no answer to the next
/// request, and an end is to be found before a request is lost to it.
package struct Resting: Sendable {
    /// What the next request has to do.
    package enum Step: Sendable, Hashable {
        /// Leave it: the server may still have something to say.
        case wait
        /// Look whether something came that was not noticed yet, and close it then.
        case look
        /// Use it.
        case take
        /// Close it: it rested too long.
        case expire
    }

    /// How long a watched connection is quiet before it is used, besides a turn of the loop. What
    /// a sloppy app says behind its answer comes at once, or when its process is next scheduled,
    /// which on a busy machine takes tens of milliseconds.
    package static let quietTime: Duration = .milliseconds(250)

    private let begin: Instant
    private let turn: UInt64?
    private let isWatched: Bool
    /// When it has rested long enough.
    package let end: Instant

    /// - Parameters:
    ///   - turn: the turn of the loop in which it began to rest, and was read until nothing came;
    ///     nil where more may have come than was read: what that is, nobody has looked at.
    ///   - isWatched: it must be quiet first.
    package init(since begin: Instant, turn: UInt64?, isWatched: Bool, timeout: Duration) {
        self.begin = begin
        self.turn = turn
        self.isWatched = isWatched
        end = begin + timeout
    }

    /// - Parameters:
    ///   - turn: the turn of the loop now.
    ///   - mayRepeat: the request can be sent once more if the connection turns out to be dead.
    package func step(at now: Instant, turn: UInt64, mayRepeat: Bool) -> Step {
        if now >= end { return .expire }
        if isWatched {
            return turn == self.turn || now - begin < Self.quietTime ? .wait : .look
        }
        // The connection was looked at a moment ago; another look costs a system call.
        return turn == self.turn && mayRepeat ? .take : .look
    }
}
