import HTTP
import HTTP1

/// Asks for keys at one place, and judges the answer from octets as they come.
struct KeySetResponse: ~Copyable {
    enum Event {
        /// The whole body of a 200, and for how long it is good if it says so.
        case document([UInt8], lifetime: Duration?)
        /// `Location` of a redirect.
        case redirect(String)
    }

    private let limit: Int
    private var fetch: HTTPFetch
    private var lifetime: Duration?

    /// - Parameter limit: octets of the body.
    init(from location: SecureLocation, limit: Int) throws(FetchFailure) {
        self.limit = limit
        var lines: [UInt8] = []
        let fields = [
            ("Host", location.authority),
            ("Accept", "application/jwk-set+json, application/json"),
            ("Accept-Encoding", "identity"), ("User-Agent", "gateway"),
        ]
        for (name, value) in fields {
            HeadEncoder.appendField(name: name, value: value, to: &lines)
        }
        do throws(SendError) {
            fetch = try HTTPFetch(
                RequestOutline(.get, isLast: true), target: location.target, lines: lines,
                bodyLimit: limit)
        } catch {
            throw .connection("the request cannot be written")
        }
    }

    /// The whole request.
    var request: [UInt8] { fetch.request }

    /// The request was handed to the socket, which took it or not.
    mutating func wasSent(isTaken: Bool) { fetch.wasSent(isTaken: isTaken) }

    /// Nil when more is needed. After an event or an error nothing more is to be read.
    mutating func receive(_ input: Span<UInt8>) throws(FetchFailure) -> Event? {
        var index = 0
        while let event = try next(input, at: &index) {
            switch event {
            case .head(let head): if let redirect = try judge(head) { return redirect }
            case .body(let octets): return .document(octets, lifetime: lifetime)
            case .tunnel: throw failure(.unaskedSwitch)
            }
        }
        return nil
    }

    private mutating func next(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(FetchFailure) -> HTTPFetch.Event? {
        do throws(ResponseError) {
            return try fetch.receive(input, at: &index)
        } catch {
            throw failure(error)
        }
    }

    /// The other side will send no more.
    mutating func inputEnded() throws(FetchFailure) -> Event {
        do throws(ResponseError) {
            return .document(try fetch.inputEnded(), lifetime: lifetime)
        } catch {
            throw failure(error)
        }
    }

    /// Looks at a final head. Returns a redirect, or nil when a body follows.
    private mutating func judge(_ head: ResponseHead) throws(FetchFailure) -> Event? {
        switch head.status {
        case 200: break
        case 301, 302, 303, 307, 308:
            guard let location = head.fields.text(of: .location) else {
                throw .redirect("without a new address")
            }
            return .redirect(location)
        default: throw .status(head.status)
        }
        if head.fields.hasContentCoding {
            throw .answer("it is compressed, but the request did not allow that")
        }
        lifetime = CacheControl.freshSeconds(head.fields).map { .seconds($0) }
        return nil
    }

    private func failure(_ error: ResponseError) -> FetchFailure {
        switch error {
        case .bodyTooLarge: .tooLarge(limit: limit)
        case .ended: .answer("the connection ended early")
        case .head, .body, .tooManyInformational, .unaskedSwitch, .unasked, .unaskedTimeout:
            .answer(error.message)
        }
    }
}
