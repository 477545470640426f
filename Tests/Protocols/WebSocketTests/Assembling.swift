import Bytes
import Testing

@testable import WebSocket

/// What an assembler is asked for beyond whole messages in a buffer.
struct AssemblerMode: Sendable, CustomTestStringConvertible {
    var checksText = false
    var findsInPlace = false
    var spillSize: Int?
    var compressedSize: Int?

    var testDescription: String {
        "in place: \(findsInPlace), spill: \(spillSize.map(String.init) ?? "never")"
    }
}

/// Feeds an assembler; nothing is forwarded. However a message comes out, it is the same message.
func assemble(
    _ wire: [UInt8], from: Endpoint, cut: Cut = .whole, limits: FrameLimits = FrameLimits(),
    allowsCompression: Bool = false, checksText: Bool = false,
    mode: AssemblerMode = AssemblerMode()
) -> Outcome {
    let checksText = checksText || mode.checksText
    let assembler = MessageAssembler(
        from: from, limits: limits, allowsCompression: allowsCompression, checksText: checksText,
        findsInPlace: mode.findsInPlace, spillSize: mode.spillSize,
        compressedSize: mode.compressedSize)
    var feed = AssemblerFeed(assembler: assembler, mode: mode, limits: limits)
    for piece in cut.pieces(wire.count) {
        guard feed.take(wire.span.extracting(piece)) else { break }
    }
    return feed.outcome
}

/// Reads the events of an assembler and checks on the way what must hold for every input.
private struct AssemblerFeed {
    var assembler: MessageAssembler
    let mode: AssemblerMode
    let limits: FrameLimits
    var outcome = Outcome()
    /// The pieces of a spilled message so far.
    private var spilled: Outcome.Message?
    private var payload: [UInt8] = []

    init(assembler: MessageAssembler, mode: AssemblerMode, limits: FrameLimits) {
        self.assembler = assembler
        self.mode = mode
        self.limits = limits
    }

    private var gatherLimit: Int {
        min(limits.messageSize, max(mode.spillSize ?? .max, mode.compressedSize ?? .max))
    }

    /// False when the input broke a rule.
    mutating func take(_ input: Span<UInt8>) -> Bool {
        var index = 0
        do throws(WebSocketError) {
            while let event = try assembler.decode(input, at: &index, into: &payload) {
                note(event, input, index)
                #expect(assembler.isBetweenMessages == (spilled == nil))
            }
            #expect(index == input.count && payload.isEmpty)
            #expect(assembler.gatheredCount <= gatherLimit)
            return true
        } catch {
            outcome.error = error
            #expect(assembler.gatheredCount == 0)
            #expect(assembler.isBetweenMessages == (spilled == nil))
            return false
        }
    }

    private mutating func note(
        _ event: MessageAssembler.Event, _ input: Span<UInt8>, _ index: Int
    ) {
        switch event {
        case .message(let kind, let isCompressed):
            #expect(assembler.gatheredCount == 0)
            add(kind, isCompressed, payload)
        case .messageInPlace(let kind, let isCompressed, let range):
            #expect(mode.findsInPlace && payload.isEmpty && range.upperBound == index)
            #expect(assembler.gatheredCount == 0)
            add(kind, isCompressed, input.extracting(range).array)
        case .fragment(let kind, let isFirst, let isLast):
            #expect(isFirst == (spilled == nil) && (isLast || !payload.isEmpty))
            #expect(assembler.gatheredCount == 0)
            var message =
                spilled ?? Outcome.Message(kind: kind, isCompressed: false, payload: [])
            #expect(message.kind == kind)
            message.payload += payload
            spilled = isLast ? nil : message
            guard isLast else { return }
            #expect(message.payload.count > mode.spillSize ?? .max)
            outcome.messages.append(message)
        case .control(let control):
            #expect(payload.isEmpty)
            outcome.controls.append(control)
        }
    }

    private mutating func add(_ kind: MessageKind, _ isCompressed: Bool, _ octets: [UInt8]) {
        let limit = isCompressed ? mode.compressedSize : mode.spillSize
        #expect(octets.count <= limit ?? .max)
        #expect(spilled == nil)
        outcome.messages.append(
            .init(kind: kind, isCompressed: isCompressed, payload: octets))
    }
}
