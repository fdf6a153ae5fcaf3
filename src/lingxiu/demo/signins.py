"""A sign-in for every role of the demo, printed at every start.

Passwords are made once an installation, kept among its secrets, and exist nowhere but in the demo. Needs no database.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from lingxiu.demo import naming, scenario
from lingxiu.home import secret
from lingxiu.policy.reading import SHIPPED, read_folder

# What cannot be taken for something else when it is copied from a screen. Twelve of them are some 59 bits.
LETTERS, LENGTH = "abcdefghjkmnpqrstuvwxyz23456789", 12

# role → user name; whose password is asked for. `staff` and `shops` make these people.
OFFICERS = {
    "system_administrator": "admin",
    "county_officer": "county1",
    "leader": "leader1",
    "department_officer": "ecology1",
    "town_dispatcher": scenario.DISPATCHER,
    "town_officer": scenario.TEAM_OFFICER,
    "grid_member": scenario.MEMBER,
    "assessor": "assessor",
}

# role → telephone number: the owner of the scenario's first shop, the first cleaning company, the hauler.
COMPANIES = len(naming.names().cleaning_companies)
PHONES = {
    "owner": naming.phone("owner", 1),
    "cleaning_company": naming.phone("company", 1),
    "waste_hauler": naming.phone("company", COMPANIES + 1),
}


@dataclass(frozen=True, slots=True)
class SignIn:
    """How somebody in a role signs in. Without a password: six digits, which the demo shows at `/demo/sms/`."""

    role_label: str
    username: str
    password: str
    where: str


def password_of(username: str) -> str:
    """This person's password in this installation."""
    return secret(f"demo_password_{username}", lambda: "".join(secrets.choice(LETTERS) for _ in range(LENGTH)))


def sign_ins() -> list[SignIn]:
    """One of each role."""
    catalogues, _ = read_folder(SHIPPED)
    labels = {role.id: f"{role.label.zh} {role.label.en}" for role in catalogues.roles}
    officers = [SignIn(labels[role], name, password_of(name), "/sign-in/") for role, name in OFFICERS.items()]
    phones = [SignIn(labels[role], phone, "", "/sign-in/, /demo/sms/") for role, phone in PHONES.items()]
    return officers + phones
