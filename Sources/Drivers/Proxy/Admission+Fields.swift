internal import HTTP
internal import Identity
internal import Routing
internal import Settings

/// What the configuration says of fields, with this request's values in it.
extension Admission {
    /// What `header` says, of the rewrite and of the route. One name is one line: the route's.
    func configuredFields(
        _ route: Generation.Route, _ target: NormalisedTarget
    ) -> [ConfiguredField] {
        let rewrite = context.rewrite.map { generation.settings.rewrites[$0].headers } ?? []
        return fields(route.settings.headers, routeCaptures, besides: rewrite, target)
    }

    /// What `response_header` and `hsts` say, to be written into whatever answer there will be.
    /// Called when the route is known, and again when the client is.
    ///
    /// - Parameter route: nil where a rewrite answers by itself.
    func noteAnswerFields(of route: Generation.Route?, _ captures: [String: String]) {
        let rewrite = context.rewrite.map { generation.settings.rewrites[$0].responseHeaders } ?? []
        let own = route?.settings.responseHeaders ?? []
        if !own.isEmpty || !rewrite.isEmpty {
            let bare = target.removing(generation.tokenParameters, from: query)
            context.answerFields.configured = fields(own, captures, besides: rewrite, bare)
        }
        context.answerFields.note(route?.settings.transport ?? .listeners, isSecure: context.isTLS)
    }

    private func fields(
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
            case .authUser?: context.identity?.encodedUser
            case .authRole?: context.identity?.encodedRole
            case let placeholder?: text(of: placeholder, target)
            }
        }
    }
}
