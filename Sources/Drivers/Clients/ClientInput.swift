/// What a client has sent and nobody has used, and what is known of the end of it. It has no
/// function that changes it: its owner does, so that looks at it need no check for exclusive
/// access.
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

    /// Octets that have come and were not used, at least.
    ///
    /// - Parameter unread: octets that the kernel has.
    func unusedCount(unread: Int) -> Int {
        if hasEnded { return held.count }
        let (count, hasOverflown) = held.count.addingReportingOverflow(unread)
        return hasOverflown ? .max : count
    }

    /// The client may be read from.
    ///
    /// - Parameter isAhead: the end of the input is looked for behind what the client has sent.
    func isWanted(for use: ClientUse, isAhead: Bool = false) -> Bool {
        if hasEnded { return false }
        switch use {
        case .nothing: return held.isEmpty
        case .waiting: return held.count < Self.heldSize
        case .request(let wantsInput):
            if isAhead { return held.count < Self.aheadSize }
            return wantsInput && held.isEmpty
        case .frames(let wantsInput): return wantsInput && held.isEmpty
        }
    }
}
