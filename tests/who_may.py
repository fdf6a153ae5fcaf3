"""Who may open which address: the one table, held against the URL table by test_who_may.py.

A new address needs a row here, or the test fails. Left out, `get` and `post` mean NOBODY: whoever adds a page says who it is for.
`near` is about the merchant, issue … of the reader's own town, grid or shop; `far` about those of another town: who sees further.

    "issues/<number>/": Row(get=OFFICERS, far=WHOLE_COUNTY),
"""

from __future__ import annotations

from dataclasses import dataclass

STRANGER = "stranger"
WHOLE_COUNTY = frozenset({"system_administrator", "county_officer", "leader", "assessor", "department_officer"})
TOWN = frozenset({"town_dispatcher", "town_officer"})
GRID = frozenset({"grid_member"})
OFFICERS = WHOLE_COUNTY | TOWN | GRID
OWNER = frozenset({"owner"})
COMPANIES = frozenset({"cleaning_company", "waste_hauler"})
SHOP = OWNER | COMPANIES
SIGNED_IN = OFFICERS | SHOP
ANYONE = SIGNED_IN | {STRANGER}
NOBODY: frozenset[str] = frozenset()
ADMINISTRATORS = frozenset({"system_administrator"})  # `/admin/…` too: Django's own table, behind one door

EDITORS = frozenset(
    {"system_administrator", "county_officer", "town_dispatcher"}
)  # merchants.edit, merchants.print_codes
FAR_EDITORS = EDITORS & WHOLE_COUNTY
FINDERS = frozenset({"county_officer", "department_officer"}) | TOWN | GRID  # issues.find
MANAGERS = frozenset({"system_administrator", "county_officer"})  # sensing.manage
PERSONAL = frozenset({"county_officer"})  # merchants.see_personal_data
DISPATCHERS = frozenset({"county_officer", "town_dispatcher"})  # issues.dispatch
LEADERS = frozenset({"leader"})  # issues.supervise, and nothing else
ROUTERS = MANAGERS | LEADERS  # who may propose rules of routing, or decide about them
CERTIFIED = frozenset({"department_officer", "town_officer"})  # issues.inspect
DEPARTMENT = frozenset({"department_officer"})  # whose inspection the sample is
FAR_CERTIFIED = CERTIFIED & WHOLE_COUNTY
PLANNERS = DISPATCHERS | CERTIFIED
HOLDERS = frozenset({"grid_member", "town_dispatcher"})  # who has the issue of test_who_may.py, and who dispatches it
RECORDERS = frozenset({"county_officer", "town_dispatcher"})  # issues.record_report
DECIDERS = FINDERS - GRID | {
    "leader"
}  # who proposes for a list of merchants may note an objection; who supervises, approve
EXPORTERS = FINDERS - GRID | {"assessor"}  # issues.export


@dataclass(frozen=True)
class Row:
    """Who may look (GET) and who may write (POST); `far` and `far_post`: the same for what belongs to another town."""

    get: frozenset[str] = NOBODY
    post: frozenset[str] = NOBODY
    far: frozenset[str] = NOBODY
    far_post: frozenset[str] = NOBODY


WHO_MAY: dict[str, Row] = {
    # ── portal ──
    "": Row(get=ANYONE),
    "collect/": Row(get=GRID | CERTIFIED),  # who handles issues
    "map/": Row(get=OFFICERS),
    "map/merchants.geojson": Row(get=OFFICERS),
    "map/alarms.geojson": Row(get=OFFICERS),
    "map/areas.geojson": Row(get=OFFICERS),
    "map/ground.geojson": Row(get=OFFICERS),
    "map/card/<merchant_id>/": Row(get=OFFICERS, far=WHOLE_COUNTY),
    "issues/asked/": Row(get=LEADERS | {"county_officer"}),  # issues.supervise
    "issues/asked/new/": Row(get=LEADERS, post=LEADERS),
    "issues/orders/": Row(get=OFFICERS),
    "issues/orders/new/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "issues/orders/<order_id>/": Row(get=OFFICERS - {"department_officer"}, far=WHOLE_COUNTY - {"department_officer"}),
    "issues/orders/<order_id>/add/": Row(get=PERSONAL, post=PERSONAL, far=PERSONAL, far_post=PERSONAL),
    "issues/orders/<order_id>/<item_id>/": Row(),  # by what is to be done: tests/issues/test_orders.py
    "issues/hand-over/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "issues/roster/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "issues/roster/duty/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "issues/routing/": Row(get=ROUTERS),
    "issues/routing/routing.yaml": Row(get=ROUTERS),
    "issues/routing/rules/<rule_id>/": Row(get=ROUTERS),
    "issues/routing/try/": Row(post=MANAGERS),  # policy.load, and the county's dispatchers
    "issues/routing/propose/": Row(post=MANAGERS),
    "issues/routing/drafts/<draft_id>/": Row(get=ROUTERS, far=ROUTERS),
    "issues/routing/drafts/<draft_id>/decide/": Row(post=ROUTERS, far_post=ROUTERS),  # never one's own
    "issues/joint/": Row(get=OFFICERS),
    "issues/joint/new/": Row(get=PLANNERS, post=PLANNERS),
    "issues/joint/<joint_id>/": Row(get=OFFICERS - GRID, far=WHOLE_COUNTY),
    "issues/joint/<joint_id>/act/": Row(
        post=PERSONAL, far_post=PERSONAL
    ),  # the sample was planned by the county's office
    "issues/joint/<joint_id>/<shop_id>/": Row(
        get=OFFICERS - GRID, far=WHOLE_COUNTY
    ),  # written by the round's own officers
    "issues/inspections/<inspection_id>/": Row(get=OFFICERS - GRID, far=WHOLE_COUNTY),
    "issues/inspections/<inspection_id>/record.pdf": Row(get=OFFICERS - GRID, far=WHOLE_COUNTY),
    "issues/inspections/<inspection_id>/amend/": Row(
        get=DEPARTMENT, post=DEPARTMENT, far=DEPARTMENT, far_post=DEPARTMENT
    ),  # who wrote it, or signs it: tests/issues/test_signing.py
    "issues/inspections/<paper_id>/sign/": Row(post=DEPARTMENT, far_post=DEPARTMENT),
    "issues/rectifications/<rectification_id>/": Row(get=OFFICERS, far=WHOLE_COUNTY),
    "issues/rectifications/<rectification_id>/notice.docx": Row(get=PLANNERS, far=PLANNERS & WHOLE_COUNTY),
    "issues/rectifications/<paper_id>/sign/": Row(post=DEPARTMENT, far_post=DEPARTMENT),
    "issues/templates/": Row(get=ADMINISTRATORS, post=ADMINISTRATORS),  # issues.keep_templates
    "issues/templates/shipped.docx": Row(get=ADMINISTRATORS),
    "issues/templates/<template_id>/file.docx": Row(get=ADMINISTRATORS, far=ADMINISTRATORS),
    "issues/templates/<template_id>/preview.docx": Row(get=ADMINISTRATORS, far=ADMINISTRATORS),
    "issues/templates/<template_id>/use/": Row(post=ADMINISTRATORS, far_post=ADMINISTRATORS),
    "issues/to-sign/": Row(get=OFFICERS),
    "issues/<number>/inspection/": Row(
        get=CERTIFIED, post=CERTIFIED, far=FAR_CERTIFIED, far_post=FAR_CERTIFIED
    ),  # others are refused in words
    "merchants/<merchant_id>/inspection/": Row(
        get=CERTIFIED, post=CERTIFIED, far=FAR_CERTIFIED, far_post=FAR_CERTIFIED
    ),
    "issues/<number>/": Row(get=OFFICERS, far=WHOLE_COUNTY),
    "issues/<number>/pane/": Row(get=OFFICERS, far=WHOLE_COUNTY),
    "issues/<number>/moves/": Row(post=OFFICERS, far_post=WHOLE_COUNTY),  # which moves: issues/lifecycle.py
    "issues/<number>/look/": Row(post=OFFICERS, far_post=WHOLE_COUNTY),  # which of them: issues/looking.py
    "issues/<number>/call/": Row(post=HOLDERS),  # of this issue: issues/calling.py
    "issues/<number>/reports/<report_id>/call/": Row(),  # of a report on it: tests/issues/test_reporters_called.py
    "issues/<number>/case/": Row(),  # of an issue with a case: tests/issues/test_cases.py
    "issues/<number>/elsewhere/": Row(post=OFFICERS, far_post=WHOLE_COUNTY),  # whose it is: issues/elsewhere.py
    "m/<token>": Row(get=ANYONE, far=ANYONE),
    "merchants/<merchant_id>/": Row(get=SIGNED_IN, far=WHOLE_COUNTY),  # owners are led to /shop/
    "pulse": Row(get=ANYONE),
    "healthz": Row(get=ANYONE),
    "readyz": Row(get=ANYONE),
    "metrics": Row(get=ANYONE),
    # ── notices ──
    "notices/": Row(get=SIGNED_IN),
    "notices/read/": Row(post=SIGNED_IN),
    "notices/settings/": Row(get=SIGNED_IN, post=SIGNED_IN),
    "notices/<notice_id>/": Row(get=GRID, post=GRID, far=GRID, far_post=GRID),  # the sample is the grid member's
    "notices/deliveries/": Row(get=ADMINISTRATORS),
    "notices/deliveries/<delivery_id>/again/": Row(post=ADMINISTRATORS, far_post=ADMINISTRATORS),
    "notices/deliveries/texts/<text_id>/again/": Row(post=ADMINISTRATORS, far_post=ADMINISTRATORS),
    "n/<link>": Row(
        get=SIGNED_IN, post=SIGNED_IN, far=SIGNED_IN, far_post=SIGNED_IN
    ),  # strangers sign in; others: their own notices
    # ── exchange ──
    # By key alone (tests/exchange): whoever is signed in, and any stranger, is nobody there. The descriptions are open.
    "api/v1/": Row(),
    "api/v1/docs": Row(get=ANYONE),
    "api/v1/openapi.json": Row(get=ANYONE),
    "api/v1/merchants": Row(),
    "api/v1/merchants.geojson": Row(),
    "api/v1/merchants/<merchant_id>": Row(),
    "api/v1/issues": Row(),
    "api/v1/issues/<number>": Row(),
    "api/v1/issues/<number>/moves": Row(),
    "api/v1/issues/<number>/case-result": Row(),
    "api/v1/issues/<number>/looks": Row(),
    "api/v1/issues/<number>/other": Row(),
    "api/v1/issues/<number>/notices": Row(),
    "api/v1/photos": Row(),
    "api/v1/readings": Row(),
    "api/v1/reports": Row(),
    "api/v1/reports/<source>/<own_number>": Row(),
    "exchange/12345/": Row(get=RECORDERS, post=RECORDERS),
    "exchange/12345/answers.xlsx": Row(get=RECORDERS),
    "open311/v2/discovery.<kind>": Row(get=ANYONE, far=ANYONE),
    "open311/v2/services.<kind>": Row(get=ANYONE, far=ANYONE),
    "open311/v2/services/<code>.<kind>": Row(get=ANYONE, far=ANYONE),
    "open311/v2/requests.<kind>": Row(),
    "open311/v2/requests/<token>.<kind>": Row(),
    "open311/v2/tokens/<token>.<kind>": Row(),
    # ── rating ──
    "merchants/<merchant_id>/level/": Row(get=OFFICERS | OWNER, far=WHOLE_COUNTY),
    # ── selfservice ──
    "shop/": Row(get=SHOP),
    "shop/issues/<number>/": Row(get=OWNER, post=OWNER),
    "shop/<merchant_id>/": Row(get=SHOP),
    "shop/<merchant_id>/check/": Row(get=OWNER, post=OWNER),
    "shop/<merchant_id>/cleaning/": Row(get=SHOP - {"waste_hauler"}, post=SHOP - {"waste_hauler"}),
    "shop/<merchant_id>/trap/": Row(get=SHOP - {"waste_hauler"}, post=SHOP - {"waste_hauler"}),
    "shop/<merchant_id>/waste/": Row(get=SHOP - {"cleaning_company"}, post=SHOP - {"cleaning_company"}),
    # ── sensing ──
    "sensing/": Row(get=OFFICERS),
    "sensing/profiles/": Row(get=OFFICERS),
    "sensing/profiles/<profile_id>/try/": Row(get=MANAGERS, post=MANAGERS, far=MANAGERS, far_post=MANAGERS),
    "sensing/self-test/": Row(get=ANYONE, post=ANYONE),
    "sensing/devices/<mn>/": Row(get=OFFICERS | OWNER, far=WHOLE_COUNTY),
    "sensing/devices/<mn>/chart.json": Row(get=OFFICERS | OWNER, far=WHOLE_COUNTY),
    "sensing/devices/<mn>/readings.<form>": Row(get=OFFICERS | OWNER, far=WHOLE_COUNTY),
    "sensing/import/": Row(get=MANAGERS, post=MANAGERS),
    "sensing/figures/": Row(get=OFFICERS),
    "sensing/figures.<form>": Row(get=OFFICERS),
    "sensing/devices/<mn>/ask/": Row(get=MANAGERS, post=MANAGERS, far=MANAGERS, far_post=MANAGERS),
    "sensing/devices/<mn>/registry/": Row(get=MANAGERS, far=MANAGERS),
    "sensing/maintainers/": Row(get=OFFICERS),
    "sensing/maintainers/new/": Row(get=MANAGERS, post=MANAGERS),
    "sensing/maintainers/<maintainer_id>/": Row(get=MANAGERS, post=MANAGERS, far=MANAGERS, far_post=MANAGERS),
    "sensing/devices/<mn>/<verb>/": Row(post=MANAGERS, far_post=MANAGERS),
    "sensing/duty/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "sensing/duty/<turn_id>/strike/": Row(post=DISPATCHERS, far_post=DISPATCHERS & WHOLE_COUNTY),
    "sensing/forecasts/": Row(get=OFFICERS),
    "sensing/forecasts.<form>": Row(get=OFFICERS),
    "sensing/forecasts/<forecast_id>/": Row(get=OFFICERS, far=WHOLE_COUNTY & OFFICERS),
    "sensing/forecasts/<forecast_id>/chart.json": Row(get=OFFICERS, far=WHOLE_COUNTY & OFFICERS),
    "sensing/alarms/<alarm_id>/": Row(get=OFFICERS | OWNER, far=WHOLE_COUNTY),
    "sensing/alarms/<alarm_id>/<verb>/": Row(),  # by verb: tests/sensing/test_muting.py
    "sensing/observing/": Row(get=OFFICERS),
    "sensing/observing/<mn>/": Row(post=MANAGERS, far_post=MANAGERS),
    "sensing/mutes/<mute_id>/end/": Row(post=MANAGERS, far_post=MANAGERS),
    "sensing/unknown/<mn>/": Row(get=MANAGERS, post=MANAGERS, far=MANAGERS, far_post=MANAGERS),
    # ── issues ──
    "issues/": Row(get=OFFICERS),
    "issues/export.xlsx": Row(get=EXPORTERS),
    "issues/new/": Row(get=FINDERS, post=FINDERS),
    "issues/bulk/": Row(get=DISPATCHERS, post=DISPATCHERS),
    "issues/bulk/done/": Row(get=OFFICERS),  # one's own; without any, back to the list
    "issues/views/": Row(get=OFFICERS, post=OFFICERS),
    "issues/digest/": Row(get=DISPATCHERS | LEADERS),
    "issues/assignments.pdf": Row(get=DISPATCHERS),
    "issues/receipts.pdf": Row(get=DISPATCHERS),
    "issues/<number>/record.pdf": Row(get=OFFICERS, far=WHOLE_COUNTY),
    "issues/<number>/assignment.pdf": Row(get=DISPATCHERS, far=DISPATCHERS & WHOLE_COUNTY),
    "issues/<number>/receipt.pdf": Row(get=DISPATCHERS, far=DISPATCHERS & WHOLE_COUNTY),
    "issues/<number>/notice/": Row(get=CERTIFIED, post=CERTIFIED, far=FAR_CERTIFIED, far_post=FAR_CERTIFIED),
    "issues/<number>/notice.docx": Row(),  # none is made of the sample
    "issues/<number>/private/": Row(post=OFFICERS, far_post=WHOLE_COUNTY),
    "issues/sheet.xlsx": Row(get=DISPATCHERS | CERTIFIED),
    "issues/sheet/": Row(get=DISPATCHERS | CERTIFIED, post=DISPATCHERS | CERTIFIED),
    "issues/sheet/apply/": Row(post=DISPATCHERS | CERTIFIED),
    "issues/law/": Row(get=OFFICERS),
    "issues/law/<violation_id>/": Row(get=OFFICERS, far=OFFICERS),  # the same for all
    "issues/export.csv": Row(get=EXPORTERS),
    "issues/export.geojson": Row(get=EXPORTERS),
    "issues/lookback/": Row(get=OFFICERS),
    "issues/lookback/map/": Row(get=OFFICERS),
    "issues/lookback/units/": Row(get=OFFICERS),
    "issues/lookback/report.docx": Row(get=OFFICERS),
    "issues/lookback/places/": Row(get=OFFICERS, post=PERSONAL),  # the county's office keeps them
    "issues/lookback/places/<place_id>/remove/": Row(post=PERSONAL, far_post=PERSONAL),
    "issues/lookback/listings/": Row(get=OFFICERS, post=FINDERS - GRID),  # who dispatches or inspects proposes
    "issues/lookback/listings/<listing_id>/": Row(post=DECIDERS, far_post=DECIDERS & WHOLE_COUNTY),
    "complain/": Row(get=ANYONE, post=ANYONE),
    "complain/find/": Row(get=ANYONE, post=ANYONE),
    "m/<token>/complain/": Row(get=ANYONE, post=ANYONE, far=ANYONE, far_post=ANYONE),
    "r/<token>": Row(get=ANYONE, post=ANYONE, far=ANYONE, far_post=ANYONE),
    # ── merchants ──
    "merchants/": Row(get=OFFICERS),
    "merchants/new/": Row(get=EDITORS, post=EDITORS),
    "merchants/import/": Row(get=EDITORS, post=EDITORS),
    "merchants/import/template.xlsx": Row(get=EDITORS),
    "merchants/labels/": Row(get=EDITORS, post=EDITORS),
    "merchants/<merchant_id>/dossier/": Row(get=OFFICERS, post=EDITORS, far=WHOLE_COUNTY, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/dossier/person/": Row(post=PERSONAL, far_post=PERSONAL),
    "merchants/<merchant_id>/care/": Row(post=EDITORS, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/facilities/": Row(post=EDITORS, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/facilities/<facility_id>/remove/": Row(post=EDITORS, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/people/": Row(post=EDITORS | GRID, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/people/<bond_id>/end/": Row(post=EDITORS | GRID, far_post=FAR_EDITORS),
    "merchants/<merchant_id>/visit/": Row(get=GRID, post=GRID),
    "merchants/<merchant_id>/code/": Row(get=EDITORS, post=EDITORS, far=FAR_EDITORS, far_post=FAR_EDITORS),
    # ── accounts ──
    "sign-in/": Row(get=ANYONE, post=ANYONE),
    "sign-in/code/": Row(post=ANYONE),
    "sign-in/phone/": Row(post=ANYONE),
    "sign-in/other-phone/": Row(post=ANYONE),
    "sign-in/second-factor/": Row(get=ANYONE, post=ANYONE),
    "sign-in/second-factor/new/": Row(get=ANYONE, post=ANYONE),
    "sign-out/": Row(post=ANYONE),
    "account/absences/": Row(get=OFFICERS, post=OFFICERS),
    "account/absences/<absence_id>/end/": Row(post=frozenset({"town_dispatcher"}) | GRID),
    "account/": Row(get=SIGNED_IN),
    "account/password/": Row(get=OFFICERS, post=OFFICERS),  # the others sign in by phone
    "account/size/": Row(post=SIGNED_IN),
    "demo/sms/": Row(),  # in the demo only, and there for anyone
    # ── files, ui ──
    "files/<sha256>/": Row(get=GRID, far=GRID),  # the sample is in no use: its uploader's alone
    "files/<sha256>/small/": Row(get=GRID, far=GRID),
    "language/setlang/": Row(get=ANYONE, post=ANYONE),
}
