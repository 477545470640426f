import Bytes

/// What a piece of input comes to.
package enum RelayEvent: Sendable {
    /// A range of the input that is passed on as it is: headers and payloads of data frames, as
    /// many in one run as stand together.
    case forward(Range<Int>)
    /// Octets of a data frame's header that came in earlier inputs and in this one: write them
    /// first, the rest of the frame follows in `forward`.
    case forwardHeader(HeaderOctets)
    /// A control frame, which is not forwarded: answer it, swallow it, or encode it for the other
    /// side. May come in the middle of a fragmented message, never in the middle of a frame.
    case control(ControlFrame)
}

/// One direction of a WebSocket connection that is passed on without being changed.
///
/// Data frames go on as they came, still masked; only their headers are read, to keep to RFC 6455
/// §5 and the limits, and nothing goes on that was not checked. What a text message holds is the
/// end points' business: its UTF-8 is not looked at.
///
///     between frames --data header--> in payload --its last octet--> between frames
///     between frames --control header--> in control --its last octet--> between frames | closed
///     any --violation--> failed
///
/// Fed with any cut of the input the forwarded octets and the control frames are the same.
/// An idle relay holds no heap memory.
package struct FrameRelay: Sendable {
    private enum State {
        /// With the octets of a header that the last input ended in, if it did.
        case betweenFrames(HeaderOctets)
        /// A data frame of whose payload this many octets are still to come; never 0.
        case inPayload(Int)
        case inControl
        /// A close frame came: everything behind it is ignored (RFC 6455 §5.5.1).
        case closed
        case failed(WebSocketError)

        static let atBoundary = State.betweenFrames(HeaderOctets())
    }

    /// Set while something of our own waits to be put between two messages: every event then ends
    /// with the first message that ends in it.
    package var pausesAfterMessage = false
    private let rules: FrameHeader.Rules
    private var sequence: FrameSequence
    private var state = State.atBoundary
    private var control = ControlAssembly()

    /// - Parameter allowsCompression: both ends have agreed on permessage-deflate, so the first
    ///   frame of a message may have RSV1 set.
    package init(
        from sender: Endpoint, limits: FrameLimits = FrameLimits(),
        allowsCompression: Bool = false
    ) {
        rules = FrameHeader.Rules(from: sender, allowsCompression: allowsCompression)
        sequence = FrameSequence(limits: limits)
    }

    /// True when what was forwarded so far ends with a frame: a control frame of our own may
    /// follow.
    package var isBetweenFrames: Bool {
        if case .inPayload = state { return false }
        return true
    }

    /// True when what was forwarded so far ends with a message: a message of our own may follow.
    package var isBetweenMessages: Bool { isBetweenFrames && !sequence.isMessageOpen }

    /// A close frame came; nothing is forwarded any more.
    package var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    /// Messages whose final frame has begun to be forwarded.
    package var messageCount: Int { sequence.messageCount }

    /// Reads on at `index` and moves it behind what the event covers; nil when the input is used
    /// up. Call it until it answers nil. Once it has thrown it throws the same again; what was
    /// forwarded before is a valid beginning.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> RelayEvent? {
        do throws(WebSocketError) {
            while index < input.count {
                if let event = try step(input, at: &index) { return event }
            }
        } catch {
            state = .failed(error)
            throw error
        }
        return nil
    }

    /// One event, or nil when the state moved on without one.
    private mutating func step(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> RelayEvent? {
        switch state {
        case .betweenFrames(let held) where held.count > 0:
            return try completeHeader(held, with: input, at: &index)
        case .betweenFrames:
            return try forwardFrames(input, at: &index, payloadLeft: 0)
        case .inPayload(let left):
            return try forwardFrames(input, at: &index, payloadLeft: left)
        case .inControl:
            return try assembleControl(input, at: &index)
        case .closed:
            index = input.count
            return nil
        case .failed(let error):
            throw error
        }
    }

    /// The hot path: as many data frames as stand together, as one run.
    ///
    /// A run ends before whatever is no data frame in order; that is looked at again when it is
    /// first in line, so that everything good in front of it is forwarded whatever it is.
    private mutating func forwardFrames(
        _ input: Span<UInt8>, at index: inout Int, payloadLeft: Int
    ) throws(WebSocketError) -> RelayEvent? {
        let start = index
        var end = start
        var left = payloadLeft
        repeat {
            let available = input.count - end
            if left >= available {
                state = left > available ? .inPayload(left - available) : .atBoundary
                index = input.count
                return .forward(start..<index)
            }
            end += left
            left = 0
            if pausesAfterMessage, end > start, !sequence.isMessageOpen { break }
            var next = end
            guard let header = try? FrameHeader.decode(input, at: &next, by: rules),
                !header.opcode.isControl, (try? sequence.accept(header)) != nil
            else { break }
            end = next
            left = header.payloadLength
        } while true
        state = .atBoundary
        index = end
        if end > start { return .forward(start..<end) }
        return try beginOther(input, at: &index)
    }

    /// At a header that is no whole data frame header in order: a control frame, a header the
    /// input ends in, or a violation.
    private mutating func beginOther(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> RelayEvent? {
        let start = index
        guard let header = try FrameHeader.decode(input, at: &index, by: rules) else {
            var held = HeaderOctets()
            while index < input.count {
                held.append(input[index])
                index += 1
            }
            state = .betweenFrames(held)
            return nil
        }
        guard control.begin(header) else {
            try sequence.accept(header)
            state = Self.state(after: header)
            return .forward(start..<index)
        }
        return try assembleControl(input, at: &index)
    }

    private static func state(after header: FrameHeader) -> State {
        header.payloadLength > 0 ? .inPayload(header.payloadLength) : .atBoundary
    }

    private mutating func completeHeader(
        _ held: HeaderOctets, with input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> RelayEvent? {
        var held = held
        while index < input.count {
            held.append(input[index])
            index += 1
            guard let header = try held.header(by: rules) else { continue }
            if control.begin(header) { return try assembleControl(input, at: &index) }
            try sequence.accept(header)
            state = Self.state(after: header)
            return .forwardHeader(held)
        }
        state = .betweenFrames(held)
        return nil
    }

    private mutating func assembleControl(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> RelayEvent? {
        guard let frame = try control.take(input, at: &index) else {
            state = .inControl
            return nil
        }
        state = frame.kind == .close ? .closed : .atBoundary
        return .control(frame)
    }
}
