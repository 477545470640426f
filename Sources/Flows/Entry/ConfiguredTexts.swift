import Bytes
import HTTP
import Identity
import Routing
import Settings

/// What the configuration says with placeholders, with the values of a request in them.
struct ConfiguredTexts {
    private let request: EnteringRequest
    private let rules: Rulebook
    private let route: ServedRoute?
    private let identity: VerifiedIdentity?
    private let target: NormalisedTarget
    private let query: QueryString
    private let routeCaptures: [String: String]
    private let rewriteCaptures: [String: String]

    init(_ known: borrowing KnownRequest) {
        request = known.request
        rules = known.rules
        route = known.route
        identity = known.found.identity
        target = known.target
        query = known.query
        routeCaptures = known.routeCaptures
        rewriteCaptures = known.rewriteCaptures
    }

    // MARK: Fields

    func fields(
        _ own: [HeaderRule], _ captures: [String: String], besides rewrite: [HeaderRule],
        _ target: NormalisedTarget
    ) -> [ConfiguredField] {
        var fields = own.map { field($0, captures, target) }
        for rule in rewrite where !own.contains(where: { $0.name.utf8.span.readsAs(rule.name) }) {
            fields.append(field(rule, rewriteCaptures, target))
        }
        return fields
    }

    private func field(
        _ rule: HeaderRule, _ captures: [String: String], _ target: NormalisedTarget
    ) -> ConfiguredField {
        switch rule.action {
        case .set(let template):
            ConfiguredField(name: rule.name, .text(expand(template, captures, target)))
        case .credentials(let secret): ConfiguredField(name: rule.name, .credentials(secret))
        case .remove: ConfiguredField(name: rule.name, .none)
        }
    }

    /// - Parameter target: what `request.target` stands for.
    private func expand(
        _ template: Template, _ captures: [String: String], _ target: NormalisedTarget
    ) -> String {
        template.expanded { name in
            switch Placeholder(rawValue: name) {
            case nil: captures[name]
            case .authUser?: identity?.encodedUser
            case .authRole?: identity?.encodedRole
            case let placeholder?: text(of: placeholder, target)
            }
        }
    }

    // MARK: Locations

    /// - Parameter keepsTokens: in a target that does not leave the origin.
    /// - Returns: nil when what the client said fits no such location.
    func location(_ template: Template, keepsTokens: Bool) -> String? {
        let settings = route?.settings
        return Location.expand(
            template, from: request.authority, isTLS: request.isSecure
        ) { name, leavesOrigin in
            guard let placeholder = Placeholder(rawValue: name) else {
                let text = routeCaptures[name] ?? ""
                return name == settings?.path.rest ? .segments(text) : .text(text)
            }
            let isBare = (leavesOrigin || !keepsTokens) && self.target.query != nil
            var target =
                settings?.paths.spelling == .keep ? self.target.asSent : self.target
            if isBare { target = target.removing(rules.tokenParameters, from: query) }
            switch placeholder {
            case .requestHost: return .authority(request.authority)
            case .requestPath: return .path(target.path)
            case .requestTarget: return .target(target)
            case .requestScheme: return .scheme(text(of: placeholder, target))
            case .clientAddress, .requestID, .requestMethod, .authUser, .authRole:
                return .text(text(of: placeholder, target))
            }
        }
    }

    private func text(of placeholder: Placeholder, _ target: NormalisedTarget) -> String {
        switch placeholder {
        case .clientAddress: request.addressText
        case .requestID: request.id
        case .requestMethod: request.head.method.name
        case .requestScheme: request.scheme
        case .requestHost: request.authority?.text ?? ""
        case .requestPath: target.path
        case .requestTarget: target.text
        case .authUser: identity?.user ?? ""
        case .authRole: identity?.roleElement ?? ""
        }
    }
}
