import Bytes

/// One direction of a WebSocket connection whose messages are read: unmasked, joined from their
/// fragments, within the limits. For relays that compress or change messages, and for servers.
///
/// A message that stands in one input is never stored here; one that does not is gathered in a
/// buffer that lives as long as the message is open. The rules are those of `FrameRelay`.
///
/// Two things on demand: a message that need not be copied out of the input is shown where it is,
/// and a message too big to be gathered comes out in pieces.
///
///     between frames --data header--> in payload --its last octet--> between frames
///     between frames --control header--> in control --its last octet--> between frames | closed
///     any --violation--> failed
package struct MessageAssembler: Sendable {
    package enum Event: Sendable, Equatable {
        /// `payload` of `decode` holds the whole message.
        case message(MessageKind, isCompressed: Bool)
        /// The whole message is these octets of the input. Only with `findsInPlace`.
        case messageInPlace(MessageKind, isCompressed: Bool, Range<Int>)
        /// `payload` holds the next piece of a message bigger than `spillSize`, which is never
        /// compressed. Send it on as a fragment (`FrameEncoder.appendFragment`); the last may be
        /// empty.
        case fragment(MessageKind, isFirst: Bool, isLast: Bool)
        case control(ControlFrame)
    }

    private enum State {
        case betweenFrames(HeaderOctets)
        case inPayload(left: Int, key: MaskingKey?, isFinal: Bool)
        case inControl
        case closed
        case failed(WebSocketError)

        static let atBoundary = State.betweenFrames(HeaderOctets())
    }

    /// What becomes of the open message.
    private enum Spilling {
        case gathered
        /// Comes out in pieces; the first has not yet.
        case due
        case begun
    }

    private static let largestReservation = 1024 * 1024

    private let rules: FrameHeader.Rules
    private let checksText: Bool
    private let findsInPlace: Bool
    private let spillSize: Int
    private let compressedSize: Int
    private let plainSize: Int
    private var sequence: FrameSequence
    private var state = State.atBoundary
    private var control = ControlAssembly()
    /// What the open message is, by its first frame.
    private var kind = MessageKind.text
    private var isCompressed = false
    /// The payload octets of its frames, by their headers.
    private var announcedSize = 0
    private var spilling = Spilling.gathered
    /// The check of the open message's text, while the message is spilled.
    private var textCheck = TextCheck()
    /// What came of the open message in earlier inputs.
    private var gathered: [UInt8] = []

    /// - Parameter checksText: text messages that are not compressed must be UTF-8; compressed
    ///   ones can only be checked by who inflates them (`Span.isUTF8`).
    /// - Parameter findsInPlace: messages that stand whole and unmasked in the input come as
    ///   `messageInPlace`. Others come as `message` all the same.
    /// - Parameter spillSize: bigger messages come as `fragment`, unless they are compressed; so
    ///   much is gathered at most. Nil gathers whatever the limits allow.
    /// - Parameter compressedSize: the limit of compressed messages on the wire, when it is below
    ///   that of all: they cannot be spilled.
    /// - Parameter plainSize: the limit of messages that are not compressed, when it is below that
    ///   of all: what does not shrink is larger on the wire when it was compressed all the same.
    package init(
        from sender: Endpoint, limits: FrameLimits = FrameLimits(),
        allowsCompression: Bool = false, checksText: Bool = false, findsInPlace: Bool = false,
        spillSize: Int? = nil, compressedSize: Int? = nil, plainSize: Int? = nil
    ) {
        rules = FrameHeader.Rules(from: sender, allowsCompression: allowsCompression)
        self.checksText = checksText
        self.findsInPlace = findsInPlace
        self.spillSize = spillSize ?? .max
        self.compressedSize = compressedSize ?? .max
        self.plainSize = plainSize ?? .max
        sequence = FrameSequence(limits: limits)
    }

    /// A close frame came; everything behind it is ignored.
    package var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    /// True when what was given out so far ends with a message: a message of our own may follow.
    /// False only within a message that is spilled. A control frame may follow always.
    package var isBetweenMessages: Bool { spilling != .begun }

    /// Messages whose final frame has begun.
    package var messageCount: Int { sequence.messageCount }

    /// Octets of an unfinished message that are kept until more comes.
    package var gatheredCount: Int { gathered.count }

    /// Reads on at `index` and moves it behind what the event covers; nil when the input is used
    /// up. Call it until it answers nil. Once it has thrown it throws the same again.
    ///
    /// - Parameter payload: a buffer to be used again and again, emptied by every call. After
    ///   `message` it holds that message, after `fragment` that piece.
    package mutating func decode(
        _ input: Span<UInt8>, at index: inout Int, into payload: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        payload.removeAll(keepingCapacity: true)
        do throws(WebSocketError) {
            while index < input.count {
                guard let event = try step(input, at: &index, into: &payload) else { continue }
                if case .control = event { gather(&payload) }
                return event
            }
        } catch {
            gathered = []
            state = .failed(error)
            throw error
        }
        gather(&payload)
        return nil
    }

    /// Keeps what was read of an open message until the next call, if more of it may come.
    private mutating func gather(_ payload: inout [UInt8]) {
        if isClosed {
            gathered = []
            payload.removeAll(keepingCapacity: true)
        }
        guard !payload.isEmpty else { return }
        // As large as the frames say: doubling would take up to twice as much. Within reason, since
        // saying costs nothing.
        if gathered.isEmpty {
            gathered.reserveCapacity(min(announcedSize, spillSize, Self.largestReservation))
        }
        gathered.append(copying: payload.span)
        payload.removeAll(keepingCapacity: true)
    }

    private mutating func step(
        _ input: Span<UInt8>, at index: inout Int, into payload: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        switch state {
        case .betweenFrames(let held):
            guard let header = try header(held, input, at: &index) else { return nil }
            if control.begin(header) { return try assembleControl(input, at: &index) }
            try begin(header)
            return try take(
                header.payloadLength, header.maskingKey, isFinal: header.isFinal,
                from: input, at: &index, into: &payload)
        case .inPayload(let left, let key, let isFinal):
            return try take(
                left, key, isFinal: isFinal, from: input, at: &index, into: &payload)
        case .inControl:
            return try assembleControl(input, at: &index)
        case .closed:
            index = input.count
            return nil
        case .failed(let error):
            throw error
        }
    }

    /// The next header; nil when the input ends in it.
    private mutating func header(
        _ held: HeaderOctets, _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> FrameHeader? {
        if held.count == 0 {
            if let header = try FrameHeader.decode(input, at: &index, by: rules) { return header }
        }
        var held = held
        while index < input.count {
            held.append(input[index])
            index += 1
            if let header = try held.header(by: rules) { return header }
        }
        state = .betweenFrames(held)
        return nil
    }

    private mutating func begin(_ header: FrameHeader) throws(WebSocketError) {
        try sequence.accept(header)
        if header.opcode != .continuation {
            kind = header.opcode == .text ? .text : .binary
            isCompressed = header.isCompressed
            announcedSize = 0
        }
        // Within the limit of all messages, so it cannot overflow.
        announcedSize += header.payloadLength
        if isCompressed {
            guard announcedSize <= compressedSize else { throw .messageTooBig }
            return
        }
        guard announcedSize <= plainSize else { throw .messageTooBig }
        if announcedSize > spillSize, spilling == .gathered {
            spilling = .due
            textCheck = TextCheck()
        }
    }

    /// Takes what there is of a data frame's payload; the message when it is whole.
    private mutating func take(
        _ left: Int, _ key: MaskingKey?, isFinal: Bool,
        from input: Span<UInt8>, at index: inout Int, into payload: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        let count = min(left, input.count - index)
        let range = index..<(index + count)
        let part = input.extracting(range)
        index += count
        state = .atBoundary
        if count < left {
            state = .inPayload(
                left: left - count, key: key?.advanced(by: count), isFinal: isFinal)
        }
        let isLast = isFinal && count == left
        if spilling != .gathered {
            return try spill(part, key, isLast: isLast, into: &payload)
        }
        if findsInPlace, key == nil, isLast, count == announcedSize {
            try checkText(part)
            return .messageInPlace(kind, isCompressed: isCompressed, range)
        }
        if gathered.isEmpty {
            payload.append(part, maskedWith: key)
        } else {
            gathered.append(part, maskedWith: key)
        }
        guard isLast else { return nil }
        takeGathered(into: &payload)
        try checkText(payload.span)
        return .message(kind, isCompressed: isCompressed)
    }

    /// The gathered buffer becomes the caller's, the caller's is let go: nothing is copied. At
    /// most one of the two holds something.
    private mutating func takeGathered(into payload: inout [UInt8]) {
        guard !gathered.isEmpty else { return }
        swap(&gathered, &payload)
        gathered = []
    }

    private func checkText(_ message: Span<UInt8>) throws(WebSocketError) {
        guard checksText, kind == .text, !isCompressed else { return }
        guard message.isUTF8 else { throw .textNotUTF8 }
    }

    /// Gives out what was gathered of a message before it grew too big, and `part`.
    private mutating func spill(
        _ part: Span<UInt8>, _ key: MaskingKey?, isLast: Bool, into payload: inout [UInt8]
    ) throws(WebSocketError) -> Event? {
        if part.isEmpty, !isLast { return nil }
        takeGathered(into: &payload)
        payload.append(part, maskedWith: key)
        if checksText, kind == .text {
            guard textCheck.accepts(payload.span, isLast: isLast) else { throw .textNotUTF8 }
        }
        let isFirst = spilling == .due
        spilling = isLast ? .gathered : .begun
        return .fragment(kind, isFirst: isFirst, isLast: isLast)
    }

    private mutating func assembleControl(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(WebSocketError) -> Event? {
        guard let frame = try control.take(input, at: &index) else {
            state = .inControl
            return nil
        }
        state = frame.kind == .close ? .closed : .atBoundary
        return .control(frame)
    }
}
