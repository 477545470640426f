/// What only the frames before can tell of a data frame: whether it may come now, and whether its
/// message stays within the limits (RFC 6455 §5.4).
struct FrameSequence: Sendable {
    let limits: FrameLimits
    /// A fragmented message has begun and its final frame has not.
    private(set) var isMessageOpen = false
    /// Messages whose final frame was accepted.
    private(set) var messageCount = 0
    /// Payload octets of the open message so far.
    private var openSize = 0
    /// The frames that the open message has so far.
    private var openCount = 0

    init(limits: FrameLimits) { self.limits = limits }

    /// Accepts a data frame by its header. Changes nothing when it throws.
    @inline(__always)
    mutating func accept(_ header: FrameHeader) throws(WebSocketError) {
        if header.opcode == .continuation {
            guard isMessageOpen else { throw .continuationWithoutMessage }
        } else {
            guard !isMessageOpen else { throw .messageWithinMessage }
        }
        guard header.payloadLength <= limits.frameSize else { throw .frameTooBig }
        guard header.payloadLength <= limits.messageSize - openSize else { throw .messageTooBig }
        guard openCount < limits.fragmentCount else { throw .tooManyFragments }
        isMessageOpen = !header.isFinal
        if header.isFinal {
            openSize = 0
            openCount = 0
            messageCount &+= 1
        } else {
            openSize += header.payloadLength
            openCount += 1
        }
    }
}
