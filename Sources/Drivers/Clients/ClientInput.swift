internal import Bytes
internal import Relays
internal import Transport

/// What a client has sent and nobody has used, and what is known of the end of it.
struct ClientInput {
    /// Octets that are read behind a request that waits.
    static let heldSize = 16 * 1024

    /// Octets that are read ahead: more than systems take from a program and cannot send yet (on
    /// Linux 4 MB, see tcp_wmem in tcp(7)).
    static let aheadSize = 6 << 20

    /// Received, and not to be used before the request at hand goes on or is over.
    var held: [UInt8] = []
    /// All that the client has to say was received.
    var hasEnded = false
    /// What is known of the end while the client is not read from.
    var unreadEnd = UnreadEnd()

    /// The client sends no more, whether or not all of it was received.
    var hasFinished: Bool { hasEnded || unreadEnd.hasCome }

    /// What was not used is kept, in front of what comes; nothing more is read until it was used.
    mutating func hold(_ progress: inout ClientProgress, from buffer: ReadBuffer) {
        var waiting = held
        held = []
        if let octets = progress.held {
            waiting.append(copying: octets.span.extracting(progress.index..<octets.count))
        } else {
            waiting.append(copying: buffer.octets.extracting(progress.index..<progress.count))
        }
        held = waiting
        progress.drop()
    }

    /// Goes on with what is held; nil when nothing is.
    mutating func takeHeld() -> ClientProgress? {
        if held.isEmpty { return nil }
        let octets = held
        held = []
        return ClientProgress(held: octets)
    }

    /// Octets that have come and were not used, at least.
    ///
    /// - Parameter unread: octets that the kernel has.
    func unusedCount(unread: Int) -> Int {
        if hasEnded { return held.count }
        let (count, hasOverflown) = held.count.addingReportingOverflow(unread)
        return hasOverflown ? .max : count
    }

    /// The client may be read from.
    func isWanted(for use: ClientUse) -> Bool {
        if hasEnded { return false }
        switch use {
        case .nothing: return held.isEmpty
        case .waiting: return held.count < Self.heldSize
        case .request(let wantsInput):
            if unreadEnd.isLookedFor { return held.count < Self.aheadSize }
            return wantsInput && held.isEmpty
        case .frames(let wantsInput): return wantsInput && held.isEmpty
        }
    }
}
