"""Addresses of the accounts room."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.accounts import absence_views, views

app_name = "accounts"
urlpatterns: list[URLPattern] = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/code/", views.send_code, name="send_code"),
    path("sign-in/phone/", views.use_code, name="use_code"),
    path("sign-in/other-phone/", views.other_phone, name="other_phone"),
    path("sign-in/second-factor/", views.second_factor, name="second_factor"),
    path("sign-in/second-factor/new/", views.new_second_factor, name="new_second_factor"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("account/", views.account, name="account"),
    path("account/password/", views.change_password, name="change_password"),
    path("account/absences/", absence_views.absences, name="absences"),
    path("account/absences/<int:absence_id>/end/", absence_views.end_absence, name="end_absence"),
    path("account/size/", views.set_size, name="set_size"),
    path("demo/sms/", views.demo_messages, name="demo_messages"),
]
