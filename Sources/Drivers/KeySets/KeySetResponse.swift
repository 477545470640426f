import Bytes
import HTTP
import HTTP1

/// Reads the answer to one request for keys, from octets as they come.
struct KeySetResponse: ~Copyable {
    enum Event {
        /// The whole body of a 200, and for how long it is good if it says so.
        case document([UInt8], lifetime: Duration?)
        /// `Location` of a redirect.
        case redirect(String)
    }

    private enum State {
        case head
        case body(BodyDecoder)
    }

    private let limit: Int
    private var heads = ResponseHeadDecoder()
    private var state = State.head
    private var body: [UInt8] = []
    private var lifetime: Duration?

    /// - Parameter limit: octets of the body.
    init(limit: Int) { self.limit = limit }

    /// Nil when more is needed. After an event or an error nothing more is to be read.
    mutating func decode(_ input: Span<UInt8>) throws(FetchFailure) -> Event? {
        var index = 0
        while true {
            switch state {
            case .head:
                guard let head = try nextHead(input, at: &index) else { return nil }
                if head.isInformational { continue }
                if let redirect = try begin(head) { return redirect }
            case .body(var decoder):
                let isComplete = try read(input, at: &index, &decoder)
                state = .body(decoder)
                return isComplete ? .document(body, lifetime: lifetime) : nil
            }
        }
    }

    /// The other side will send no more.
    mutating func inputEnded() throws(FetchFailure) -> Event {
        guard case .body(var decoder) = state else {
            throw .answer("the connection ended early")
        }
        do throws(BodyError) {
            try decoder.inputEnded()
        } catch {
            throw .answer(error.message)
        }
        return .document(body, lifetime: lifetime)
    }

    private mutating func nextHead(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(FetchFailure) -> ResponseHead? {
        do throws(HeadError) {
            return try heads.decode(input, at: &index)
        } catch {
            throw .answer(error.message)
        }
    }

    /// Looks at a final head. Returns a redirect, or nil when a body follows.
    private mutating func begin(_ head: ResponseHead) throws(FetchFailure) -> Event? {
        switch head.status {
        case 200: break
        case 301, 302, 303, 307, 308:
            guard let location = head.fields.text(of: .location) else {
                throw .redirect("to nowhere")
            }
            return .redirect(location)
        default: throw .status(head.status)
        }
        if let coding = head.fields.text(of: .contentEncoding), coding.lowercased() != "identity" {
            throw .answer("it is compressed, which nobody asked for")
        }
        let framing: BodyFraming
        do throws(HeadError) {
            framing = try head.bodyFraming(requestMethod: .get)
        } catch {
            throw .answer(error.message)
        }
        if case .length(let length) = framing, length > limit { throw .tooLarge(limit: limit) }
        lifetime = CacheControl.freshSeconds(head.fields).map { .seconds($0) }
        state = .body(BodyDecoder(framing))
        return nil
    }

    /// Takes what there is of the body. Returns true when that was all of it.
    private mutating func read(
        _ input: Span<UInt8>, at index: inout Int, _ decoder: inout BodyDecoder
    ) throws(FetchFailure) -> Bool {
        while !decoder.isComplete {
            let event: BodyEvent?
            do throws(BodyError) {
                event = try decoder.decode(input, at: &index)
            } catch {
                throw .answer(error.message)
            }
            switch event {
            case .data(let range):
                guard body.count + range.count <= limit else { throw .tooLarge(limit: limit) }
                body.append(copying: input.extracting(range))
            case .end: return true
            case nil: return false
            }
        }
        return true
    }
}
