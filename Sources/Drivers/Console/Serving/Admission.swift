import Bytes
import Clock
import Endings
import HTTP
import HTTP1
import JSON
import Routing

/// A request whose head is good: what is left is its body.
struct AdmittedRequest: Sendable {
    var endpoint: ConsoleEndpoint
    var request: ConsoleRequest

    /// What is ordered, for the log: method and path, without what the query says. Nil for a
    /// question.
    var order: String? {
        guard endpoint.method != .get else { return nil }
        return "\(endpoint.method.name) \(endpoint.path.filled(with: request.captures))"
    }
}

/// Why a request goes no further.
struct RequestRefusal: Error, Sendable {
    var refusal: Refusal
    /// What else the answer says.
    var fields: [(name: String, value: String)] = []

    init(_ refusal: Refusal) { self.refusal = refusal }

    init(
        _ reason: EndReason, _ status: Int, _ message: String,
        fields: [(name: String, value: String)] = []
    ) {
        refusal = Refusal(reason, status: status, message: message)
        self.fields = fields
    }

    init(_ mismatch: SchemaMismatch) { self.init(.protocolError, 400, mismatch.message) }

    var response: ConsoleResponse {
        var response = ConsoleResponse.problem(refusal)
        response.fields += fields
        return response
    }
}

/// From the head of a request that was let in to what its endpoint gets: nothing of it touches a
/// socket.
struct Admission: Sendable {
    let router: Router
    var bodySize: Int

    func admit(_ head: RequestHead) throws(RequestRefusal) -> AdmittedRequest {
        guard !head.fields.contains(.origin) else {
            throw RequestRefusal(.forbidden, 403, "The console does not answer web pages")
        }
        let framing = try Self.framing(of: head)
        let target = try Self.target(of: head)
        let (endpoint, captured) = try route(head.method, target.path)
        var request = ConsoleRequest()
        do throws(SchemaMismatch) {
            for (member, text) in zip(endpoint.captures, captured) {
                request.captures[member.name] = try QueryReader.value(
                    of: try QueryReader.decode(text.utf8, plusIsSpace: false), member.schema,
                    at: "\(member.name.quoted) in the path")
            }
            request.query = try QueryReader(schema: endpoint.query).read(target.query ?? "")
        } catch {
            throw RequestRefusal(error)
        }
        request.entityTags = try Self.entityTags(of: head, endpoint.precondition)
        request.mustBeNew = try Self.mustBeNew(head, endpoint.precondition)
        try checkBody(of: head, framing, endpoint)
        try Self.checkExpectation(of: head)
        return AdmittedRequest(endpoint: endpoint, request: request)
    }

    /// The request with its body, which is all of it.
    func finish(
        _ admitted: AdmittedRequest, body: [UInt8]
    ) throws(RequestRefusal) -> ConsoleRequest {
        guard let schema = admitted.endpoint.body else { return admitted.request }
        guard !body.isEmpty else {
            throw RequestRefusal(.invalidPayload, 400, "The body is missing")
        }
        var request = admitted.request
        do throws(SchemaMismatch) {
            request.body = try SchemaCheck().check(try Self.value(of: body), schema)
        } catch {
            throw RequestRefusal(.invalidPayload, 400, error.message)
        }
        return request
    }

    private static func value(of body: [UInt8]) throws(SchemaMismatch) -> JSONValue {
        var limits = JSONLimits()
        limits.octets = body.count
        limits.depth = jsonDepth
        do throws(JSONError) {
            return try JSONValue.decode(body.span, limits: limits)
        } catch {
            throw SchemaMismatch(
                message: "The body is not valid JSON: \(error.reason.text) at octet \(error.offset)"
            )
        }
    }

    private static let jsonDepth = 16

    /// A request that needs no token: for the few paths that anybody may ask, and no other reading
    /// of them.
    func isOpen(_ head: RequestHead) -> Bool {
        guard head.method == .get || head.method == .head else { return false }
        let text = head.fields.bytes.text(head.target)
        return router.open.contains(text)
    }

    // MARK: Steps

    private static func framing(of head: RequestHead) throws(RequestRefusal) -> BodyFraming {
        do throws(HeadError) {
            return try head.bodyFraming()
        } catch {
            throw RequestRefusal(error.refusal)
        }
    }

    /// A path is taken as it is written: segments name stores and devices, which may be called
    /// anything, dots and slashes included.
    private static func target(
        of head: RequestHead
    ) throws(RequestRefusal) -> (path: String, query: String?) {
        guard head.method != .connect else {
            throw RequestRefusal(
                .policy, 405, "The method CONNECT is not allowed here", fields: [("Allow", "")])
        }
        let text = head.fields.bytes.text(head.target)
        if text.hasPrefix("/") {
            let halves = text.split(
                separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(halves[0]), halves.count == 2 ? String(halves[1]) : nil)
        }
        do throws(Refusal) {
            let target = try Target.normalise(head.fields.bytes.span.extracting(head.target))
            return (target.path, target.query)
        } catch {
            throw RequestRefusal(error)
        }
    }

    private func route(
        _ method: Method, _ path: String
    ) throws(RequestRefusal) -> (ConsoleEndpoint, captured: [Substring]) {
        switch router.find(method, path) {
        case .found(let endpoint, let captured): return (endpoint, captured)
        case .otherMethods(let names):
            throw RequestRefusal(
                .policy, 405, "The method is not allowed here",
                fields: [("Allow", names.joined(separator: ", "))])
        case .nothing: throw RequestRefusal(.policy, 404, "There is nothing here")
        }
    }

    private static func entityTags(
        of head: RequestHead, _ precondition: ConsoleEndpoint.Precondition
    ) throws(RequestRefusal) -> EntityTags? {
        if case .none = precondition { return nil }
        do throws(EntityTags.Malformed) {
            if let tags = try EntityTags.read(head.fields) { return tags }
        } catch {
            throw RequestRefusal(.protocolError, 400, "If-Match is malformed")
        }
        guard case .required = precondition else { return nil }
        throw RequestRefusal(
            .policy, 428, "If-Match is missing: send the ETag of the version to change, or *")
    }

    private static func mustBeNew(
        _ head: RequestHead, _ precondition: ConsoleEndpoint.Precondition
    ) throws(RequestRefusal) -> Bool {
        if case .none = precondition { return false }
        let tags: EntityTags?
        do throws(EntityTags.Malformed) {
            tags = try EntityTags.read(head.fields, "if-none-match")
        } catch {
            throw RequestRefusal(.protocolError, 400, "If-None-Match is malformed")
        }
        switch (tags, precondition) {
        case (nil, _): return false
        case (.any, .allowedOrNew): return true
        case (.any, _): throw RequestRefusal(.protocolError, 400, "If-None-Match is for PUT")
        case (.strong, _): throw RequestRefusal(.protocolError, 400, "If-None-Match can only be *")
        }
    }

    private static func checkExpectation(of head: RequestHead) throws(RequestRefusal) {
        guard head.fields.contains(.expect), head.minorVersion == 1 else { return }
        guard head.expectsContinue else {
            throw RequestRefusal(
                .protocolError, 417, "The field Expect asks for something that is not supported")
        }
    }

    private func checkBody(
        of head: RequestHead, _ framing: BodyFraming, _ endpoint: ConsoleEndpoint
    ) throws(RequestRefusal) {
        guard endpoint.body != nil else {
            if framing == .none || framing == .length(0) { return }
            throw RequestRefusal(.protocolError, 400, "This request takes no body")
        }
        switch framing {
        case .none: throw RequestRefusal(.protocolError, 411, "The length of the body is missing")
        case .length(let length) where length > bodySize: throw .tooBig
        case .length, .chunked, .untilClose: break
        }
        guard Self.isJSON(head.fields) else {
            throw RequestRefusal(
                .invalidPayload, 415, "The body must be application/json, without compression")
        }
    }

    /// `application/json`, in UTF-8 and without a content coding.
    private static func isJSON(_ fields: Fields) -> Bool {
        guard fields.count(of: .contentType) == 1, let type = fields.text(of: .contentType) else {
            return false
        }
        if let coding = fields.text(of: .contentEncoding), coding.lowercased() != "identity" {
            return false
        }
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false)
            .map { String($0.filter { $0 != " " && $0 != "\t" }) }
        return parts[0] == "application/json"
            && parts.dropFirst().allSatisfy { ["charset=utf-8", "charset=\"utf-8\""].contains($0) }
    }
}

extension RequestRefusal {
    static let tooBig = RequestRefusal(.tooBig, 413, "The body is too large")
}

extension HeadError {
    /// How a request with such a head ends.
    var refusal: Refusal {
        let isTooBig = [413, 414, 431].contains(status)
        return Refusal(isTooBig ? .tooBig : .protocolError, status: status, message: message)
    }
}

extension JSONError.Reason {
    fileprivate var text: String {
        switch self {
        case .tooLarge: "too large"
        case .tooDeep: "nested too deeply"
        case .tooManyValues: "too many values"
        case .notUTF8: "not UTF-8"
        case .unexpectedEnd: "an unexpected end"
        case .unexpectedOctet: "an unexpected character"
        case .trailingOctets: "something after the value"
        case .duplicateMember: "a member that occurs twice"
        case .invalidNumber: "a malformed number"
        case .invalidEscape: "a malformed escape"
        case .loneSurrogate: "half a surrogate pair"
        case .controlCharacter: "a control character in a text"
        }
    }
}
